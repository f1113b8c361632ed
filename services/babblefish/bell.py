"""A bell that any number of listeners hear."""

import asyncio
import contextlib
from collections.abc import Iterator


class Bell:
    """Rung whenever something is news; what it is, listeners look up."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()

    def ring(self) -> None:
        """Wakes whoever listens."""
        for heard in self._listeners:
            heard.set()

    @contextlib.contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """Set whenever it is rung, until the listener clears it."""
        heard = asyncio.Event()
        self._listeners.add(heard)
        try:
            yield heard
        finally:
            self._listeners.discard(heard)
