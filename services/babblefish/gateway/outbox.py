"""What one participant is told: bounded, numbered, and kept a while for a phone that drops."""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import IntEnum

from babblefish import metrics
from babblefish.protocol.down import Down, encode, numbered


class Worth(IntEnum):
    """What a listener who is too slow does without, first things first; text never."""

    CAPTION = 0
    CLONED_VOICE = 1
    STOCK_VOICE = 2


@dataclass(slots=True)
class _Entry:
    seq: int
    body: bytes
    lean: bytes | None
    worth: Worth


class Overflow(Exception):
    """Not even the text of what waits fits any more."""


class Outbox:
    """Numbers messages in the order they are put.

    What was sent is kept as far as it fits, so that it can be sent again. Over the bound goes,
    in this order: speech that was sent, what was sent, and of what waits that of least `Worth`.
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

    def put_encoded(
        self, body: bytes, lean: bytes | None = None, worth: Worth = Worth.STOCK_VOICE
    ) -> None:
        """Queues a message encoded for many.

        `lean` is what is left of it for a slow listener: the same without its speech, or empty for
        nothing at all. Without one, the message is never shed.
        """
        self.seq += 1
        lean = lean and numbered(lean, self.seq)
        entry = _Entry(self.seq, numbered(body, self.seq), lean, worth)
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
        while True:
            while not (self._waiting or self._overflown or self.finished):
                self._changed.clear()
                await self._changed.wait()
            if self._overflown:
                raise Overflow
            if not self._waiting:
                return None
            entry = self._waiting.popleft()
            self._sent.append(entry)
            if entry.body:  # what was shed to nothing keeps its number only
                return entry.body.decode()

    def _shed(self) -> None:
        self._drop(self._sent)
        while self._size > self._limit and self._sent:
            self._size -= len(self._sent.popleft().body)
        self._drop(self._waiting)
        if self._size > self._limit:
            self._overflown = True
            self._waiting.clear()
            self._size = 0

    def _drop(self, entries: deque[_Entry]) -> None:
        """Of equal worth the oldest first: it is the latest to matter."""
        if self._size <= self._limit:
            return
        lighter = [entry for entry in entries if entry.lean is not None]
        for entry in sorted(lighter, key=lambda entry: entry.worth):
            if self._size <= self._limit:
                return
            if entries is self._waiting and entry.worth is not Worth.CAPTION:
                metrics.SHED.inc()
            lean, entry.lean = entry.lean or b"", None
            self._size += len(lean) - len(entry.body)
            entry.body = lean
