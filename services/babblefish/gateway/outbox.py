"""What waits to be sent to one phone: bounded, so that a slow listener harms nobody else."""

import asyncio
from collections import deque
from dataclasses import dataclass

from babblefish.protocol import Down, encode, numbered


@dataclass(slots=True)
class _Entry:
    body: bytes
    lean: bytes | None


class Overflow(Exception):
    """The phone reads so slowly that not even the text of what it missed fits any more."""


class Outbox:
    """Numbers messages in the order they are put; speech is dropped before text."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: deque[_Entry] = deque()
        self._size = 0
        self._seq = 0
        self._changed = asyncio.Event()
        self._overflown = False
        self._finished = False

    def put(self, message: Down) -> None:
        """Queues one message for this phone alone."""
        self.put_encoded(encode(message))

    def put_encoded(self, body: bytes, lean: bytes | None = None) -> None:
        """Queues a message encoded for many; `lean` is the same without its speech."""
        self._seq += 1
        entry = _Entry(numbered(body, self._seq), lean and numbered(lean, self._seq))
        self._entries.append(entry)
        self._size += len(entry.body)
        if self._size > self._limit:
            self._shed()
        self._changed.set()

    def finish(self) -> None:
        """Nothing more will be put; what waits is still sent."""
        self._finished = True
        self._changed.set()

    async def get(self) -> str | None:
        """The next message, `None` after the last; raises `Overflow` if even text piles up."""
        while not (self._entries or self._overflown or self._finished):
            self._changed.clear()
            await self._changed.wait()
        if self._overflown:
            raise Overflow
        if not self._entries:
            return None
        entry = self._entries.popleft()
        self._size -= len(entry.body)
        return entry.body.decode()

    def _shed(self) -> None:
        """Drops the oldest speech first: it is the latest to matter."""
        for entry in self._entries:
            if self._size <= self._limit:
                return
            if entry.lean is not None:
                self._size += len(entry.lean) - len(entry.body)
                entry.body, entry.lean = entry.lean, None
        if self._size > self._limit:
            self._overflown = True
            self._entries.clear()
            self._size = 0
