"""Streaming recognition of English with CMU Pocketsphinx, in worker processes.

https://cmusphinx.github.io; the wheel carries the en-us model.
"""

import contextlib
import re
import uuid
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from babblefish.audio import SAMPLE_RATE, Samples, to_pcm16
from babblefish.errors import StageDown, StageError
from babblefish.stage.pool import WorkerPool
from babblefish.stage.worker import Worker
from babblefish.telemetry import log
from babblefish.translator.base import RecognitionStream, Transcript
from babblefish.translator.sphinx_worker import Word

_LEASES_PER_PROCESS = 4
_REMEMBERED_SPEAKERS = 1000

# The model's front end starts out expecting quiet speech; at the level people send, the first
# utterance of a voice loses a quarter of its words. Best of a sweep over recorded voices.
_LEVEL = 700 / 32768
_LEVEL_SAMPLES = round(0.4 * SAMPLE_RATE)
_MAX_GAIN = 50.0

_log = log(__name__)


class Pocketsphinx:
    """A `Recognizer` for English."""

    languages = frozenset({"en"})

    def __init__(
        self, processes: int, min_confidence: float, lease_deadline_s: float = 5.0
    ) -> None:
        self.min_confidence = min_confidence
        self.lease_deadline_s = lease_deadline_s
        self.pool = WorkerPool(
            "babblefish.translator.sphinx_worker:SphinxWorker", processes, _LEASES_PER_PROCESS, ()
        )
        self._adaptations: OrderedDict[str, str] = OrderedDict()

    def open(self, language: str, speaker: str) -> RecognitionStream:  # noqa: ARG002 English
        """A new utterance; it takes a decoder when it has something to decode."""
        return _PocketsphinxStream(self, speaker)

    async def start(self) -> None:
        """Loads the model in every process."""
        await self.pool.start()

    async def stop(self) -> None:
        """Ends the processes."""
        await self.pool.stop()

    def adaptation(self, speaker: str) -> str | None:
        """What the decoder knew of this voice after its last utterance."""
        return self._adaptations.get(speaker)

    def adapt(self, speaker: str, adaptation: str) -> None:
        """Remembers it, and forgets the voice that was silent longest if there are too many."""
        self._adaptations[speaker] = adaptation
        self._adaptations.move_to_end(speaker)
        while len(self._adaptations) > _REMEMBERED_SPEAKERS:
            self._adaptations.popitem(last=False)


class _PocketsphinxStream:
    """Keeps the utterance's audio: it is decoded anew when the speaker goes on after `finish`,
    or when the process dies under it.
    """

    def __init__(self, recognizer: Pocketsphinx, speaker: str) -> None:
        self._recognizer = recognizer
        self._speaker = speaker
        self._adaptation = recognizer.adaptation(speaker)
        self._id = uuid.uuid4().hex
        self._lease = contextlib.AsyncExitStack()
        self._worker: Worker | None = None
        self._heard: list[Samples] = []
        self._sent = 0
        self._gain: float | None = None
        self._learnt: str | None = None

    async def feed(self, samples: Samples) -> None:
        self._heard.append(samples)
        if self._gain is None and sum(map(len, self._heard)) < _LEVEL_SAMPLES:
            return  # too early to tell how loud this voice is
        with contextlib.suppress(StageError):  # `finish` tries again, and tells
            await self._send(self._adaptation, patience_s=0)

    async def partial(self) -> str:
        if self._worker is None or self._sent == 0:
            return ""
        words: str = await self._worker.call("partial", self._id)
        return _sentence(words.split())

    async def finish(self) -> Transcript:
        try:
            words, self._learnt = await self._decode()
        except StageDown:
            _log.warning("utterance_decoded_again")
            await self._restart()
            words, self._learnt = await self._decode()
        transcript = _transcript(words)
        if transcript.confidence < self._recognizer.min_confidence:
            return Transcript("", transcript.confidence)
        return transcript

    async def close(self) -> None:
        if self._learnt:
            self._recognizer.adapt(self._speaker, self._learnt)
        if self._worker:
            with contextlib.suppress(StageDown):
                await self._worker.tell("close", self._id)
        await self._lease.aclose()

    async def _decode(self) -> tuple[list[Word], str]:
        words, learnt = await self._pass(self._adaptation)
        if self._adaptation is None:
            # A voice that was never heard: with what one pass learns of it, the next errs less.
            words, learnt = await self._pass(learnt)
        return words, learnt

    async def _pass(self, adaptation: str | None) -> tuple[list[Word], str]:
        worker = await self._send(adaptation, self._recognizer.lease_deadline_s)
        self._sent = 0  # whatever follows continues a decoder that has closed its utterance
        words, learnt = await worker.call("finish", self._id)
        return words, learnt

    async def _send(self, adaptation: str | None, patience_s: float) -> Worker:
        """Brings the decoder up to date with what was heard, begun with `adaptation`.

        What is written counts as sent before it is awaited: the caller may be cancelled there.
        """
        if self._worker is None:
            self._worker = await self._lease.enter_async_context(
                self._recognizer.pool.lease(patience_s)
            )
        if self._gain is None:
            self._gain = _gain(self._heard)
        if self._sent == 0:
            await self._worker.tell("begin", self._id, adaptation)
        waiting, self._sent = self._heard[self._sent :], len(self._heard)
        if waiting:
            pcm = to_pcm16(np.concatenate(waiting) * self._gain)
            await self._worker.tell("feed", self._id, pcm)
        return self._worker

    async def _restart(self) -> None:
        await self._lease.aclose()
        self._worker = None
        self._sent = 0


def _gain(heard: Sequence[Samples]) -> float:
    """What brings the louder half of the speech to the level that the model expects."""
    if not heard:
        return 1.0
    blocks = np.concatenate(heard)
    blocks = blocks[: len(blocks) // 256 * 256].reshape(-1, 256)
    if not len(blocks):
        return 1.0
    power = np.sort((blocks**2).mean(axis=1))[len(blocks) // 2 :]
    return float(min(_MAX_GAIN, _LEVEL / max(1e-9, np.sqrt(power.mean()))))


def _transcript(words: Sequence[Word]) -> Transcript:
    """The words without fillers and alternatives' marks; confidence is their mean posterior."""
    spoken = [word for word in words if word[0][0] not in "<["]
    frames = sum(length for _, _, length in spoken)
    if not frames:
        return Transcript("", 0.0)
    confidence = sum(posterior * length for _, posterior, length in spoken) / frames
    return Transcript(_sentence([word for word, _, _ in spoken]), confidence)


def _sentence(words: Sequence[str]) -> str:
    """The decoder's lower-case words as people write them: `i'm` → `I'm`, `read(2)` → `read`."""
    plain = [re.sub(r"\(\d+\)$", "", word) for word in words]
    text = " ".join(re.sub(r"^i(?=$|')", "I", word) for word in plain)
    return text[:1].upper() + text[1:]
