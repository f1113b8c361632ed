"""Voiceprints by pyannote.audio (https://github.com/pyannote/pyannote-audio), by default of the
x-vectors of pyannote/embedding (Snyder et al., 2018, on SincNet, Ravanelli and Bengio, 2018).

The model lives in a process of its own, so that neither the event loop nor a translation feels it.
"""

import asyncio
import hashlib
import importlib.util
import json
import math
from pathlib import Path

from babblefish import models
from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.errors import EngineMissing, StageBusy, StageDown
from babblefish.settings import Settings
from babblefish.speaker import wire
from babblefish.speaker.base import NoVoice, Voiceprint
from babblefish.speaker.speech import useful
from babblefish.stage.worker import Worker
from babblefish.telemetry import log

MODEL = "pyannote-embedding"
_WEIGHTS, _CALIBRATION = "pytorch_model.bin", "calibration.json"
_WORKER = "babblefish.speaker.pyannote_worker:build"

_THREADS = 1
"""It hears 3 s in 16 ms; on busy cores two wait for each other ten times as long."""

_USUAL_THRESHOLD = 0.5
"""Between what two voices usually reach and what one does; `speakers calibrate` measures it."""

_START_S = 300.0
_HUNG_S = 20.0

_log = log(__name__)


def build(settings: Settings) -> "Pyannote":
    """Not yet started; raises `EngineMissing` where the model, or what runs it, is not."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("pyannote") is None:
        raise EngineMissing(
            "The speaker 'local:pyannote' needs the package 'pyannote.audio'.",
            "Install it with `pip install babblefish[speaker]`.",
        )
    folder = models.find(MODEL, settings)
    threshold = settings.speaker_threshold
    return Pyannote(folder, _calibrated(folder) if threshold is None else threshold, settings)


class Pyannote:
    """A `SpeakerEncoder`; `folder` holds the checkpoint."""

    def __init__(self, folder: Path, threshold: float, settings: Settings) -> None:
        self.model = _name(folder)
        self.threshold = threshold
        self._arguments = (str(folder), settings.device)
        self._starting: asyncio.Task[Worker] | None = None
        self._most = settings.stage_queue
        self._asked = 0

    async def embed(self, speech: Samples) -> Voiceprint:
        """See `SpeakerEncoder`; raises `StageBusy` when too many wait."""
        heard = wire.pack(useful(speech))
        if self._asked >= self._most:
            raise StageBusy(f"{self._asked} voices wait to be known.", "Speak on.")
        self._asked += 1
        try:
            voiceprint = wire.unpack(await self._embedded(heard))
        finally:
            self._asked -= 1
        if not len(voiceprint):
            raise NoVoice("Nobody speaks in that.", "Say it again.")
        return voiceprint

    async def start(self) -> None:
        """Loads the model, and lets it hear a second: the first is the slowest."""
        child = await self._child()
        if problem := await child.call("problem"):
            raise EngineMissing(
                f"The speaker's model {_WEIGHTS} {problem}.", "Run `babblefish models verify`."
            )
        await child.call("embed", bytes(4 * SAMPLE_RATE))

    async def stop(self) -> None:
        """Ends the process."""
        if self._starting is None:
            return
        self._starting.cancel()
        (child,) = await asyncio.gather(self._starting, return_exceptions=True)
        if isinstance(child, Worker):
            await child.stop()

    @property
    def pids(self) -> list[int]:
        """The process, if it lives."""
        child = self._started()
        return [child.pid] if child and child.alive else []

    async def _embedded(self, heard: bytes) -> bytes:
        child = await self._child()
        try:
            async with asyncio.timeout(_HUNG_S):
                answer: bytes = await child.call("embed", heard)
        except TimeoutError:
            _log.error("embedding_hangs", seconds=_HUNG_S)
            await child.stop()
            raise StageDown("The speaker stage hangs.", "It is started again.") from None
        return answer

    async def _child(self) -> Worker:
        """The process that lives, or its successor: which goes on starting if the caller leaves."""
        child = self._started()
        if self._starting is None or (self._starting.done() and not (child and child.alive)):
            self._starting = asyncio.create_task(self._successor(child))
        return await asyncio.shield(self._starting)

    def _started(self) -> Worker | None:
        task = self._starting
        well = task and task.done() and not task.cancelled() and task.exception() is None
        return task.result() if task and well else None

    async def _successor(self, child: Worker | None) -> Worker:
        if child:
            _log.warning("worker_replaced", pid=child.pid)
            await child.stop()
        try:
            async with asyncio.timeout(_START_S):
                return await Worker.start(_WORKER, *self._arguments, threads=_THREADS)
        except (OSError, TimeoutError) as error:
            raise StageDown("The speaker stage could not be started.", str(error)) from error


def _name(folder: Path) -> str:
    """With a digest: whoever trains the model further has voiceprints of another space."""
    with (folder / _WEIGHTS).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{models.MODELS[MODEL].repository}@{digest[:12]}"


def _calibrated(folder: Path) -> float:
    """The threshold that came with the model, if one did."""
    try:
        threshold = float(json.loads((folder / _CALIBRATION).read_text())["threshold"])
    except FileNotFoundError:
        return _USUAL_THRESHOLD
    except (OSError, ValueError, KeyError, TypeError):
        threshold = math.nan
    if not -1 < threshold < 1:
        raise EngineMissing(f"The speaker's file {_CALIBRATION!r} tells no cosine.", "Remove it.")
    return threshold
