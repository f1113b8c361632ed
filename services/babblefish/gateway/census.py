"""Whoever wants to know when somebody comes, goes, or chooses another language."""

import asyncio
import contextlib
from collections.abc import Iterator


class Census:
    """A bell that any number of listeners hear."""

    def __init__(self) -> None:
        self._bells: set[asyncio.Event] = set()

    def changed(self) -> None:
        """Rings it."""
        for bell in self._bells:
            bell.set()

    @contextlib.contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """Set at every change, until the listener clears it."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)
