"""Voices of people who said yes, in memory, and what was told of laptops."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from babblefish.audio import Audio
from babblefish.cloner.base import Reference


@dataclass
class ScriptedVoices:
    """See `OwnVoices`."""

    references: dict[str, Reference] = field(default_factory=dict)
    """By voice; whoever has one said yes."""
    laptops: dict[str, set[str]] = field(default_factory=dict)
    """Which voices each laptop has, as far as is recorded."""
    _revoked: asyncio.Event = field(default_factory=asyncio.Event)

    def say_yes(self, voice: str) -> str:
        """With another reference each time; its id."""
        number = len(self.references)
        sound = Audio(np.full(240, 0.1, np.float32), 24_000)
        reference = Reference(f"{voice} {number} {id(sound)}", sound, "house", "en")
        self.references[voice] = reference
        return reference.id

    def say_no(self, voice: str, *, ring: bool = True) -> None:
        """Taken back; without `ring` by another process."""
        del self.references[voice]
        if ring:
            self._revoked.set()

    async def cloned_from(self, voice: str) -> str | None:
        reference = self.references.get(voice)
        return reference.id if reference else None

    async def reference(self, voice: str) -> Reference | None:
        return self.references.get(voice)

    async def consenting(self, voices: Collection[str]) -> frozenset[str]:
        return frozenset(self.references.keys() & set(voices))

    async def sent(self, voice: str, laptop: str) -> None:
        self.laptops.setdefault(laptop, set()).add(voice)

    async def holds(self, laptop: str, voices: Collection[str]) -> None:
        self.laptops[laptop] = set(voices)

    async def purged(self, laptop: str, voices: Collection[str]) -> None:
        self.laptops.setdefault(laptop, set()).difference_update(voices)

    def revoked(self) -> asyncio.Event:
        return self._revoked
