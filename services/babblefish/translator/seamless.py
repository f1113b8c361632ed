"""SeamlessM4T v2: every language that somebody needs, and the transcript, in one pass.

The model lives in a process of its own, so that the event loop never feels it. Utterances that
arrive together share a pass; what is no sentence is refused on both sides of it.
"""

import asyncio
import importlib.util
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec
import numpy as np

from babblefish import metrics, models
from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.errors import EngineMissing, StageDown, StageFailed
from babblefish.settings import Settings
from babblefish.silero import Silero
from babblefish.stage.cores import available_cores
from babblefish.stage.pool import WorkerPool
from babblefish.telemetry import Stopwatch, log
from babblefish.translator import batching, gate, wire
from babblefish.translator.base import SpeechStream, Translation
from babblefish.translator.gate import Hypothesis, Refusal
from babblefish.translator.seamless_checkpoint import Checkpoint, inspect

MODEL = "seamless-m4t-v2-large"
_WORKER = "babblefish.translator.seamless_model:SeamlessModel"

# Nobody waits so long; a model that computes longer hangs.
_HUNG_S = 60.0

_log = log(__name__)


class Asked(NamedTuple):
    """Speech as bytes (see `wire.pack`) or text, its language, and those that are wanted."""

    said: bytes | str
    source: str
    wanted: Sequence[str]


def build(settings: Settings) -> "Seamless":
    """Not yet started; raises `EngineMissing` where the model, or what runs it, is not."""
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise EngineMissing(
                f"The translator 'local:seamless' needs the package {package!r}.",
                "Install it with `pip install babblefish[seamless]`.",
            )
    source = models.find(MODEL, settings)
    precision = settings.precision
    if precision == "auto":
        precision = "float16" if settings.device == "cuda" else "int8"
    stored = models.quantised(MODEL, settings)
    quantised = precision == "int8" and stored.is_dir()
    if precision == "int8" and not quantised:
        _log.info("quantising_at_every_start", once=f"babblefish models quantise {MODEL}")
    return Seamless(inspect(stored if quantised else source), precision, settings)


class Seamless:
    """A `Translator`; builds on what `inspect` found."""

    def __init__(self, checkpoint: Checkpoint, precision: str, settings: Settings) -> None:
        self._codes = checkpoint.codes
        self._languages = frozenset(checkpoint.codes)
        self._reads = checkpoint.reads
        self._settings = settings
        self._pool = WorkerPool(
            _WORKER,
            size=1,
            leases=1,
            arguments=(str(checkpoint.folder), precision, settings.device),
            threads=settings.threads or available_cores(),
        )
        self._batcher: batching.Batcher[Asked, list[Hypothesis]] = batching.Batcher(
            self._translate,
            batching.Limits(
                settings.batch_utterances, settings.batch_window_ms / 1000, settings.stage_queue
            ),
        )
        self._silero = Silero()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice")
        self.gate = gate.Limits(
            settings.voice_threshold,
            settings.min_voice_ms,
            settings.min_voice_ratio,
            settings.min_token_score,
        )

    @property
    def speech_languages(self) -> frozenset[str]:
        """Those it can transcribe, too."""
        return self._languages

    @property
    def text_languages(self) -> frozenset[str]:
        """The same, unless the weights came without their text encoder."""
        return self._languages if self._reads else frozenset()

    def reachable(self, source: str) -> frozenset[str]:
        """Every language from every other."""
        return self._languages - {source} if source in self._languages else frozenset()

    def prepare(self, languages: Collection[str]) -> None:
        """One model has them all."""

    def open(self, source: str, speaker: str) -> SpeechStream:  # noqa: ARG002 knows no voices
        """A new utterance; the model hears it when it is finished."""
        return _SeamlessStream(self, source)

    async def translate_text(
        self, text: str, source: str, targets: Collection[str]
    ) -> dict[str, str]:
        """Every reachable target in one pass."""
        wanted = sorted(self.reachable(source).intersection(targets))
        if not wanted or source not in self.text_languages or not text.strip():
            return {}
        return self.kept(text, dict(zip(wanted, await self.ask(text, source, wanted), strict=True)))

    async def start(self) -> None:
        """Loads the model, and lets it hear a second of silence: the first pass is the slowest."""
        language = min(self._codes.values())
        silence = wire.pack(np.zeros(SAMPLE_RATE, np.float32))
        await self._pass([Asked(silence, language, [language])])

    async def stop(self) -> None:
        """Ends the process."""
        await self._batcher.stop()
        await self._pool.stop()
        self._thread.shutdown()

    @property
    def pids(self) -> list[int]:
        """The process, if it lives."""
        return self._pool.pids

    async def voiced(self, samples: Samples) -> Refusal | None:
        """Whether an utterance is none, which the model need not be asked then."""
        loop = asyncio.get_running_loop()
        frames = await loop.run_in_executor(self._thread, self._silero.clip, samples)
        return gate.refused_sound(frames, self.gate)

    async def ask(self, said: bytes | str, source: str, wanted: Sequence[str]) -> list[Hypothesis]:
        """What the model makes of it, by ISO 639 codes, ungated; raises `StageError`."""
        codes = [self._codes[language] for language in wanted]
        return await self._batcher.submit(Asked(said, self._codes[source], codes))

    def kept(self, source: str, hypotheses: Mapping[str, Hypothesis]) -> dict[str, str]:
        """The texts that are translations of `source`."""
        return {
            language: text.text
            for language, text in hypotheses.items()
            if not refused(gate.refused_translation(text, source, self.gate))
        }

    async def _translate(self, batch: Sequence[Asked]) -> list[list[Hypothesis]]:
        """One pass of the model; where its process dies, one more of its successor."""
        metrics.TRANSLATOR_BATCH.observe(len(batch))
        try:
            return await self._pass(batch)
        except StageFailed:
            raise
        except StageDown:
            _log.warning("batch_translated_again", utterances=len(batch))
            return await self._pass(batch)

    async def _pass(self, batch: Sequence[Asked]) -> list[list[Hypothesis]]:
        async with self._pool.lease(_HUNG_S) as worker:
            try:
                async with asyncio.timeout(_HUNG_S):
                    answer = await worker.call("translate", batch)
            except TimeoutError:
                _log.error("translation_hangs", seconds=_HUNG_S)
                await worker.stop()
                raise StageDown("The translator hangs.", "It is started again.") from None
        return msgspec.convert(answer, list[list[Hypothesis]])


class _SeamlessStream:
    """Keeps the utterance: the model hears it whole, and again if the speaker goes on."""

    def __init__(self, seamless: Seamless, source: str) -> None:
        self._seamless = seamless
        self._source = source
        self._heard: list[Samples] = []

    async def feed(self, samples: Samples) -> None:
        self._heard.append(samples)

    async def partial(self) -> str:
        """Empty: this model does not stream."""
        return ""

    async def finish(self, targets: Collection[str]) -> Translation:
        seamless, source, watch = self._seamless, self._source, Stopwatch()
        samples = np.concatenate(self._heard) if self._heard else np.zeros(0, np.float32)
        if source not in seamless.speech_languages:
            return Translation(source, "", {})
        with watch.lap("voice"):
            refusal = await seamless.voiced(samples)
        if refused(refusal):
            return Translation(source, "", {}, watch.laps)
        wanted = sorted(seamless.reachable(source).intersection(targets))
        with watch.lap("translate"):
            heard, *texts = await seamless.ask(wire.pack(samples), source, [source, *wanted])
        seconds = len(samples) / SAMPLE_RATE
        if refused(gate.refused_transcript(heard, seconds, seamless.gate)):
            return Translation(source, "", {}, watch.laps)
        kept = seamless.kept(heard.text, dict(zip(wanted, texts, strict=True)))
        return Translation(source, heard.text, kept, watch.laps, heard.score)

    async def close(self) -> None:
        """Holds nothing but its samples."""
        self._heard.clear()


def refused(refusal: Refusal | None) -> bool:
    """Whether it was, which is counted."""
    if refusal:
        metrics.TRANSLATOR_REFUSALS.labels(refusal).inc()
    return refusal is not None
