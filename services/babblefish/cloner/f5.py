"""Speech in somebody's own voice by F5-TTS (Chen et al., 2024, https://arxiv.org/abs/2410.06885).

The model lives in a process of its own, so that the event loop never feels it. It says a sentence
at a time; what it computed of a reference stays there until that is forgotten.
"""

import asyncio
import importlib.util
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import numpy as np

from babblefish import models
from babblefish.audio import Audio
from babblefish.cloner.base import Memory, Reference
from babblefish.cloner.f5_checkpoints import VOCODER, Checkpoint, find, speakers, unusable
from babblefish.cloner.f5_memory import of_machine
from babblefish.cloner.f5_prompt import SAMPLE_RATE
from babblefish.errors import EngineMissing, StageBusy, StageDown, StageFailed
from babblefish.settings import Settings
from babblefish.stage.cores import available_cores
from babblefish.stage.worker import Worker
from babblefish.telemetry import log

_WORKER = "babblefish.cloner.f5_worker:build"
_NEEDED = ("torch", "f5_tts", "vocos")

_START_S = 600.0
_HUNG_S = 60.0

_WARM_UP = "A short sentence, as a start."
_WARM_UP_ID = "warm-up"

_log = log(__name__)


def build(settings: Settings) -> "F5":
    """Not yet started; raises `EngineMissing` where a model, or what runs it, is not."""
    if any(importlib.util.find_spec(package) is None for package in _NEEDED):
        raise EngineMissing(
            "The cloner 'local:f5' needs the package 'f5-tts'.",
            "Install it with `pip install babblefish[cloner]`.",
        )
    return F5(find(settings), settings)


class _Child:
    """A process, and which references it was taught."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.taught: set[str] = set()


class F5:
    """A `Cloner`."""

    capacity = 1

    def __init__(self, checkpoints: list[Checkpoint], settings: Settings) -> None:
        self._speaker = speakers(checkpoints)
        self._checkpoints = checkpoints
        self.device = settings.device
        half = settings.device == "cuda" and settings.precision != "float32"
        self._arguments = (
            [msgspec.to_builtins(checkpoint) for checkpoint in checkpoints],
            str(models.find(VOCODER, settings)),
            settings.device,
            half,
            settings.f5_steps,
        )
        self._threads = settings.threads or available_cores()
        self._most = settings.stage_queue
        self._asked = 0
        self._memory = Memory()
        self._starting: asyncio.Task[_Child] | None = None
        self._speaking = asyncio.Lock()

    @property
    def languages(self) -> Mapping[str, str]:
        """Those of all checkpoints."""
        return {name: self._checkpoints[i].licence for name, i in self._speaker.items()}

    @property
    def pids(self) -> list[int]:
        """The process, if it lives."""
        child = self._started()
        return [child.worker.pid] if child and child.worker.alive else []

    async def memory(self) -> Memory:
        """Of the GPU as it was before the sentence that is being spoken, else of this machine."""
        child = self._started()
        if self.device == "cpu":
            return await asyncio.to_thread(of_machine)
        if child and not self._speaking.locked():
            async with self._speaking:
                self._memory = Memory(*await self._asked_of(child, "memory"))
        return self._memory

    async def speak(self, text: str, language: str, reference: Reference) -> Audio:
        """See `Cloner`; raises `StageBusy` when too many wait."""
        if language not in self._speaker:
            raise StageFailed(f"No checkpoint here speaks {language!r}.", "Ask another laptop.")
        if self._asked >= self._most:
            raise StageBusy(f"{self._asked} sentences wait for a voice.", "Say it again later.")
        self._asked += 1
        try:
            async with self._speaking:
                return await self._spoken(text, self._speaker[language], reference)
        finally:
            self._asked -= 1

    async def forget(self, references: Collection[str]) -> None:
        """Of a process that is gone nothing is left."""
        async with self._speaking:
            child = self._started()
            if child and child.worker.alive:
                # All of them: who taught it one may have been cancelled before it answered.
                await self._asked_of(child, "forget", sorted(references))
                child.taught.difference_update(references)

    async def start(self) -> None:
        """Loads the models, and speaks by each of them: the first sentence is the slowest."""
        child = await self._child()
        file, problem = await self._asked_of(child, "problem")
        if problem:
            raise unusable(file, problem)
        self.device = await self._asked_of(child, "device")
        rng = np.random.default_rng(0)
        noise = 0.1 * rng.standard_normal(2 * SAMPLE_RATE)
        somebody = Reference(
            _WARM_UP_ID, Audio(noise.astype(np.float32), SAMPLE_RATE), _WARM_UP, "en"
        )
        async with self._speaking:
            for number in range(len(self._checkpoints)):
                await self._spoken(_WARM_UP, number, somebody)
        await self.forget([_WARM_UP_ID])
        await self.memory()

    async def stop(self) -> None:
        """Ends the process."""
        if self._starting is None:
            return
        self._starting.cancel()
        (child,) = await asyncio.gather(self._starting, return_exceptions=True)
        if isinstance(child, _Child):
            await child.worker.stop()

    async def _spoken(self, text: str, number: int, reference: Reference) -> Audio:
        child = await self._child()
        if reference.id not in child.taught:
            await self._teach(child, reference)
        made = await self._asked_of(child, "speak", number, text, reference.id)
        return Audio(np.frombuffer(made, "<f4").astype(np.float32), SAMPLE_RATE)

    async def _teach(self, child: _Child, reference: Reference) -> None:
        audio = reference.audio
        sound = audio.samples.astype("<f4").tobytes(), audio.sample_rate
        problem = await self._asked_of(
            child, "teach", reference.id, *sound, reference.text, reference.adapter
        )
        if problem:
            raise StageFailed(f"That is {problem}.", "Another one is needed.")
        child.taught.add(reference.id)

    async def _asked_of(self, child: _Child, method: str, *arguments: object) -> Any:  # noqa: ANN401
        try:
            async with asyncio.timeout(_HUNG_S):
                return await child.worker.call(method, *arguments)
        except TimeoutError:
            _log.error("cloning_hangs", seconds=_HUNG_S)
            await child.worker.stop()
            raise StageDown("The cloner hangs.", "It is started again.") from None

    async def _child(self) -> _Child:
        """The process that lives, or its successor: which goes on starting if the caller leaves."""
        child = self._started()
        alive = child and child.worker.alive
        if self._starting is None or (self._starting.done() and not alive):
            self._starting = asyncio.create_task(self._successor(child))
        return await asyncio.shield(self._starting)

    def _started(self) -> _Child | None:
        task = self._starting
        well = task and task.done() and not task.cancelled() and task.exception() is None
        return task.result() if task and well else None

    async def _successor(self, child: _Child | None) -> _Child:
        if child:
            _log.warning("worker_replaced", pid=child.worker.pid)
            await child.worker.stop()
        try:
            async with asyncio.timeout(_START_S):
                return _Child(await Worker.start(_WORKER, *self._arguments, threads=self._threads))
        except (OSError, TimeoutError) as error:
            raise StageDown("The cloner could not be started.", str(error)) from error
