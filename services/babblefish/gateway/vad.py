"""Voice activity detection for all phones in one call."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from babblefish.audio import Samples
from babblefish.silero import Silero, VoiceState

MAX_FRAMES = 32
"""Frames one phone may have judged in one call: a burst must not hold up the others."""

# Phones' frames arrive at any time. Waiting this long lets many share a call; it costs a third
# of a frame of latency and saves most of the calls.
_WINDOW_S = 0.01


@dataclass(slots=True)
class _Job:
    state: VoiceState
    frames: list[Samples]
    done: asyncio.Future[list[float]]
    scores: list[float] = field(default_factory=list)


class VoiceDetector:
    """Batches the frames of all phones; one thread runs the model."""

    def __init__(self) -> None:
        self._silero = Silero()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vad")
        self._waiting: list[_Job] = []
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "VoiceDetector":
        self._task = asyncio.create_task(self._run(), name="vad")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for job in self._waiting:
            job.done.cancel()
        self._thread.shutdown()

    async def score(self, state: VoiceState, frames: list[Samples]) -> list[float]:
        """The probability of voice in each of a stream's next frames (at most `MAX_FRAMES`)."""
        job = _Job(state, frames, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._wanted.set()
        return await job.done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wanted.wait()
            await asyncio.sleep(_WINDOW_S)
            jobs, self._waiting = self._waiting, []
            self._wanted.clear()
            try:
                await loop.run_in_executor(self._thread, self._judge, jobs)
            except Exception as error:  # noqa: BLE001 whoever waits is told; the task lives on
                _settle(jobs, error)
            else:
                _settle(jobs, None)

    def _judge(self, jobs: list[_Job]) -> None:
        """One model call a step: the first frame of every job, then the second, and so on."""
        for step in range(max(len(job.frames) for job in jobs)):
            active = [job for job in jobs if step < len(job.frames)]
            scores = self._silero.judge(
                [job.state for job in active], [job.frames[step] for job in active]
            )
            for job, score in zip(active, scores, strict=True):
                job.scores.append(score)


def _settle(jobs: list[_Job], error: Exception | None) -> None:
    for job in jobs:
        if job.done.done():
            continue
        if error:
            job.done.set_exception(error)
        else:
            job.done.set_result(job.scores)
