"""Whose voices a laptop has: told before one is sent, until it confirms that it is gone."""

import asyncio
from collections.abc import Callable, Collection

from babblefish import metrics
from babblefish.cloner.base import Reference
from babblefish.gateway.bus import CloneJob
from babblefish.voices.base import OwnVoices

PURGE_S = 5.0
"""So long a laptop may take to confirm that a voice is gone from it."""


class Holding:
    """Of the laptop of that name; `overdue` is called where it does not confirm in time.

    A voice is either held, under the id of its reference, if that is known, or on its way out.
    """

    def __init__(self, laptop: str, voices: OwnVoices, overdue: Callable[[], None]) -> None:
        self._laptop = laptop
        self._voices = voices
        self._overdue = overdue
        self._held: dict[str, str] = {}
        self._going: dict[str, asyncio.TimerHandle | None] = {}

    @property
    def all(self) -> frozenset[str]:
        """Whose voices may be there."""
        return frozenset({*self._held, *self._going})

    def going(self, voice: str) -> bool:
        """Whether it has to go, and may still be there."""
        return voice in self._going

    def reference_id(self, voice: str) -> str:
        """Of what is there of a voice that is held."""
        return self._held[voice]

    async def claimed(self, told: Collection[str]) -> list[str]:
        """A laptop comes with these; those that it may keep."""
        await self._voices.holds(self._laptop, told)
        keep = await self._voices.consenting(told)
        self._held = dict.fromkeys(keep, "")
        self._going = dict.fromkeys(set(told) - keep)
        return sorted(keep)

    async def cleared(self) -> None:
        """What it could not keep when it came is gone."""
        await self.confirmed([voice for voice, timer in self._going.items() if timer is None])

    async def lacking(self, job: CloneJob) -> Reference | None:
        """What it has to be sent for that, from now on held; nothing if it may not be."""
        reference = await self._voices.reference(job.voice)
        if reference is None or self.going(job.voice):
            return None
        await self._voices.sent(job.voice, self._laptop)
        self._held[job.voice] = reference.id
        return reference

    def has(self, job: CloneJob) -> bool:
        """Whether it can do that without being sent anything."""
        return self._held.get(job.voice) == job.reference

    def mislaid(self, voice: str) -> None:
        """It let go of a reference by itself; of the voice there may be something left."""
        self._held[voice] = ""

    def purge(self, voices: Collection[str]) -> list[str]:
        """Those of them that it holds have to go."""
        loop = asyncio.get_running_loop()
        going = [voice for voice in self._held if voice in voices]
        for voice in going:
            del self._held[voice]
            self._going[voice] = loop.call_later(PURGE_S, self._overdue)
        return going

    async def confirmed(self, voices: Collection[str]) -> None:
        """It says that these are gone; of what need not go it can say what it wants."""
        gone = [voice for voice in voices if voice in self._going]
        for voice in gone:
            if timer := self._going.pop(voice):
                timer.cancel()
        metrics.PURGES.labels("confirmed").inc(len(gone))
        await self._voices.purged(self._laptop, gone)

    def end(self) -> None:
        """It is gone; whatever it has is asked for when it is back."""
        for timer in filter(None, self._going.values()):
            timer.cancel()
            metrics.PURGES.labels("waiting").inc()
