"""A recogniser and a text translator, one after the other, as one translator."""

import asyncio
from collections.abc import Collection

from babblefish.audio import Samples
from babblefish.telemetry import Stopwatch
from babblefish.translator.base import (
    RecognitionStream,
    Recognizer,
    SpeechStream,
    TextTranslator,
    Translation,
)


class Cascade:
    """A `Translator` made of a `Recognizer` and a `TextTranslator`."""

    def __init__(self, recognizer: Recognizer, translator: TextTranslator) -> None:
        self._recognizer = recognizer
        self._translator = translator

    @property
    def speech_languages(self) -> frozenset[str]:
        """The recogniser's."""
        return self._recognizer.languages

    @property
    def text_languages(self) -> frozenset[str]:
        """The text translator's."""
        return self._translator.languages

    def reachable(self, source: str) -> frozenset[str]:
        """The text translator's targets."""
        return self._translator.reachable(source)

    def prepare(self, languages: Collection[str]) -> None:
        """The text translator, for what will be spoken; for what is typed it has time."""
        for source in self.speech_languages.intersection(languages):
            self._translator.prepare(source, languages)

    def open(self, source: str, speaker: str) -> SpeechStream:
        """Recognises while it is spoken, translates at the end."""
        return _CascadeStream(self, source, self._recognizer.open(source, speaker))

    async def translate_text(
        self, text: str, source: str, targets: Collection[str]
    ) -> dict[str, str]:
        """Every reachable target at the same time."""
        wanted = sorted(self.reachable(source).intersection(targets))
        texts = await asyncio.gather(
            *(self._translator.translate(text, source, target) for target in wanted)
        )
        return dict(zip(wanted, texts, strict=True))

    async def start(self) -> None:
        """Starts the recogniser; the text translator starts a pair when it is wanted."""
        await self._recognizer.start()

    async def stop(self) -> None:
        """Stops both."""
        await asyncio.gather(self._recognizer.stop(), self._translator.stop())


class _CascadeStream:
    def __init__(self, cascade: Cascade, source: str, recognition: RecognitionStream) -> None:
        self._cascade = cascade
        self._source = source
        self._recognition = recognition

    async def feed(self, samples: Samples) -> None:
        await self._recognition.feed(samples)

    async def partial(self) -> str:
        return await self._recognition.partial()

    async def finish(self, targets: Collection[str]) -> Translation:
        watch = Stopwatch()
        with watch.lap("recognise"):
            transcript = await self._recognition.finish()
        if not transcript.text:
            return Translation(self._source, "", {}, watch.laps)
        with watch.lap("translate"):
            texts = await self._cascade.translate_text(transcript.text, self._source, targets)
        return Translation(self._source, transcript.text, texts, watch.laps, transcript.confidence)

    async def close(self) -> None:
        await self._recognition.close()
