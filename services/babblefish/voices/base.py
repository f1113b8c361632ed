"""What those who clone may know of people's voices."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from babblefish.cloner.base import Reference


class OwnVoices(Protocol):
    """The voices of people who said yes, by their speaker id; of nobody else is anything kept."""

    async def cloned_from(self, voice: str) -> str | None:
        """The id of its reference; none without a yes, or before enough was heard."""

    async def reference(self, voice: str) -> Reference | None:
        """The reference itself, likewise."""

    async def consenting(self, voices: Collection[str]) -> frozenset[str]:
        """Which of them said yes, and still do."""

    async def sent(self, voice: str, laptop: str) -> None:
        """A laptop is about to be sent the voice; recorded first, so that none is forgotten."""

    async def holds(self, laptop: str, voices: Collection[str]) -> None:
        """A laptop that comes says so of itself: nobody else is on it, whoever was sent there."""

    async def purged(self, laptop: str, voices: Collection[str]) -> None:
        """A laptop confirms that it has nothing of these any more."""

    def revoked(self) -> asyncio.Event:
        """Set whenever somebody may have taken their yes back; the caller clears it."""
