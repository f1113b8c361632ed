"""What one participant is told: bounded, numbered, and kept a while for a phone that drops."""

import asyncio
from collections import deque
from dataclasses import dataclass

from babblefish import metrics
from babblefish.protocol import Down, encode, numbered


@dataclass(slots=True)
class _Entry:
    seq: int
    body: bytes
    lean: bytes | None


class Overflow(Exception):
    """Not even the text of what waits fits any more."""


class Outbox:
    """Numbers messages in the order they are put.

    What was sent is kept as far as it fits, so that it can be sent again. Over the bound goes,
    in this order: speech that was sent, what was sent, speech that waits.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sent: deque[_Entry] = deque()
        self._waiting: deque[_Entry] = deque()
        self._size = 0
        self.seq = 0
        self.finished = False
        self._overflown = False
        self._changed = asyncio.Event()

    def put(self, message: Down) -> None:
        """Queues one message for this participant alone."""
        self.put_encoded(encode(message))

    def put_encoded(self, body: bytes, lean: bytes | None = None) -> None:
        """Queues a message encoded for many; `lean` is the same without its speech."""
        self.seq += 1
        entry = _Entry(self.seq, numbered(body, self.seq), lean and numbered(lean, self.seq))
        self._waiting.append(entry)
        self._size += len(entry.body)
        self._shed()
        self._changed.set()

    def finish(self) -> None:
        """Nothing more will be put; what waits is still sent."""
        self.finished = True
        self._changed.set()

    def rewind(self, last_seq: int) -> bool:
        """What came after `last_seq` waits again; false if some of it is no longer kept."""
        kept = [*self._sent, *self._waiting]
        missed = [entry for entry in kept if entry.seq > last_seq]
        if self._overflown or last_seq > self.seq or len(missed) != self.seq - last_seq:
            return False
        self._sent = deque(entry for entry in kept if entry.seq <= last_seq)
        self._waiting = deque(missed)
        self._changed.set()
        return True

    async def get(self) -> str | None:
        """The next message, `None` after the last; raises `Overflow` if even text piles up."""
        while not (self._waiting or self._overflown or self.finished):
            self._changed.clear()
            await self._changed.wait()
        if self._overflown:
            raise Overflow
        if not self._waiting:
            return None
        entry = self._waiting.popleft()
        self._sent.append(entry)
        return entry.body.decode()

    def _shed(self) -> None:
        self._drop_speech(self._sent)
        while self._size > self._limit and self._sent:
            self._size -= len(self._sent.popleft().body)
        self._drop_speech(self._waiting)
        if self._size > self._limit:
            self._overflown = True
            self._waiting.clear()
            self._size = 0

    def _drop_speech(self, entries: deque[_Entry]) -> None:
        """The oldest first: it is the latest to matter."""
        for entry in entries:
            if self._size <= self._limit:
                return
            if entry.lean is not None:
                if entries is self._waiting:
                    metrics.SHED.inc()
                self._size += len(entry.lean) - len(entry.body)
                entry.body, entry.lean = entry.lean, None
