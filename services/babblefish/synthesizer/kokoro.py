"""Speech with Kokoro (https://huggingface.co/hexgrad/Kokoro-82M) by kokoro-onnx, in process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from kokoro_onnx.chunker import pause_after
from kokoro_onnx.config import SAMPLE_RATE

from babblefish import models
from babblefish.audio import Audio, Samples
from babblefish.settings import Settings
from babblefish.stage.cores import available_cores
from babblefish.synthesizer.kokoro_sessions import Sessions
from babblefish.synthesizer.phonemes import Phonemizer
from babblefish.synthesizer.sentences import pieces
from babblefish.synthesizer.voices import Style, Voices

_MODEL, _VOICES = "kokoro-v1.0.onnx", "voices-v1.0.bin"

_SENTENCE_S, _CLAUSE_S = 0.25, 0.1
"""Pauses, as kokoro-onnx has them; the model's own are trimmed."""

_AHEAD = 1
"""Pieces that are made beside one, but not beside the first: that is waited for."""


def build(settings: Settings) -> "Kokoro":
    """Not yet started; raises `EngineMissing`."""
    folder = models.find("kokoro", settings)
    return Kokoro(folder, settings.threads or available_cores())


class Kokoro:
    """A `Synthesizer` for the languages that Kokoro really speaks."""

    def __init__(self, folder: Path, cores: int) -> None:
        self._voices = Voices(folder / _VOICES)
        self._sessions = Sessions(folder / _MODEL, folder / _VOICES, cores)
        self._phonemizer = Phonemizer()
        self._phonemizing = ThreadPoolExecutor(1, thread_name_prefix="phonemes")

    @property
    def languages(self) -> frozenset[str]:
        """Those of the voices that are there."""
        return self._voices.languages

    def engine(self, language: str) -> str:  # noqa: ARG002 it is this one for all
        """See `Synthesizer`."""
        return "kokoro"

    async def speak(
        self, text: str, language: str, voice: str | None = None, speaker: int = 0
    ) -> AsyncIterator[Audio]:
        """24 000 Hz; `voice` is a name such as `af_heart`.

        Every piece waits its turn, so that a long speech keeps nobody else's from beginning.
        """
        names = self._voices.choose(language, voice, speaker)
        style = self._voices.style(names)
        dialect = self._voices.dialect(language, names)
        making: deque[asyncio.Task[Audio]] = deque()
        pause_s, ahead = 0.0, 0
        try:
            for phonemes in await self._phonemes(text, dialect):
                making.append(asyncio.create_task(self._piece(phonemes, style, pause_s)))
                pause_s = pause_after(phonemes, _SENTENCE_S, _CLAUSE_S)
                if len(making) > ahead:
                    yield await making.popleft()
                    ahead = _AHEAD
            while making:
                yield await making.popleft()
        finally:
            for piece in making:
                piece.cancel()
            await asyncio.gather(*making, return_exceptions=True)

    async def start(self) -> None:
        """Loads the model, and what the first sentence of each language would wait for."""
        await self._sessions.load()
        for dialect in self._voices.dialects:
            await self._phonemes("a", dialect)

    async def stop(self) -> None:
        """Ends the threads, once what they have begun is done."""
        self._phonemizing.shutdown(cancel_futures=True)
        await asyncio.to_thread(self._sessions.stop)

    async def _phonemes(self, text: str, dialect: str) -> list[str]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._phonemizing, self._cut, text, dialect)

    def _cut(self, text: str, dialect: str) -> list[str]:
        return [
            phonemes
            for piece in pieces(text)
            for phonemes in self._phonemizer.phonemes(piece, dialect)
        ]

    async def _piece(self, phonemes: str, style: Style, pause_s: float) -> Audio:
        samples = await self._sessions.speak(phonemes, style)
        return Audio(_after(pause_s, samples), SAMPLE_RATE)


def _after(pause_s: float, samples: Samples) -> Samples:
    silence = np.zeros(round(pause_s * SAMPLE_RATE), np.float32)
    return np.concatenate([silence, samples])
