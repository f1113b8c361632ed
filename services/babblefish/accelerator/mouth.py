"""The engine, as many sentences at a time as it can."""

import asyncio
import contextlib
from collections.abc import Callable, Collection

import numpy as np

from babblefish.audio import Audio
from babblefish.cloner.base import Cloner, Reference
from babblefish.errors import BabbleFishError, StageError, StageFailed
from babblefish.telemetry import log

_FORGET_S = 8.0

_log = log(__name__)


class Mouth:
    """Speaks, and forgets."""

    def __init__(self, cloner: Cloner) -> None:
        self._cloner = cloner
        self._slots = asyncio.Semaphore(cloner.capacity)
        self._speaking: dict[asyncio.Task[Audio], str] = {}

    @property
    def languages(self) -> Collection[str]:
        """What it speaks."""
        return self._cloner.languages

    async def speak(self, text: str, language: str, begin: Callable[[], Reference]) -> Audio:
        """The speech; raises `StageError`, and what `begin` raises, which is called in its turn.

        Who is cancelled hears nothing, but the slot stays taken until the engine is done: it
        cannot be interrupted.
        """
        await self._slots.acquire()
        try:
            reference = begin()
        except BaseException:
            self._slots.release()
            raise
        speaking = asyncio.create_task(self._cloner.speak(text, language, reference))
        self._speaking[speaking] = reference.id
        speaking.add_done_callback(self._done)
        return _plausible(await asyncio.shield(speaking))

    async def forget(self, references: Collection[str]) -> None:
        """Nothing of these, by id, is left in the engine, or the engine is another."""
        try:
            async with asyncio.timeout(_FORGET_S):
                await self._silence(references)
                await self._cloner.forget(references)
        except (StageError, TimeoutError):
            _log.exception("engine_does_not_forget")
            await self._replace()

    async def _silence(self, references: Collection[str]) -> None:
        """What is spoken in these voices is over: the engine would know them again."""
        spoken = [task for task, reference in self._speaking.items() if reference in references]
        if spoken:
            await asyncio.wait(spoken)

    async def _replace(self) -> None:
        """What a process knows goes with it."""
        await self._cloner.stop()
        with contextlib.suppress(BabbleFishError):  # it is tried again at the next sentence
            await self._cloner.start()

    def _done(self, speaking: "asyncio.Task[Audio]") -> None:
        self._speaking.pop(speaking)
        self._slots.release()
        if not speaking.cancelled():
            speaking.exception()  # whoever asked may be gone: it is no surprise, then


def _plausible(audio: Audio) -> Audio:
    if not len(audio.samples) or not np.isfinite(audio.samples).all():
        raise StageFailed("The engine made no sound of it.", "Its log says why.")
    return audio
