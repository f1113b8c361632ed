"""Engines that count and take their time: only where the time itself is what is tested."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection

import numpy as np

from babblefish.audio import Audio, Samples
from babblefish.errors import StageDown
from babblefish.translator.base import Translation


class ScriptedTranslator:
    """Hears “<seconds>” and says it in every language."""

    speech_languages = frozenset({"en"})
    text_languages = frozenset({"en", "es"})

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.fails = False
        self.hears = True
        self.says = ""
        self.confidence = 1.0
        self.calls = Counter[str]()
        self.finished = asyncio.Event()

    def reachable(self, source: str) -> frozenset[str]:
        return frozenset({"en", "es", "fr"}) - {source}

    def prepare(self, languages: Collection[str]) -> None:
        self.calls["prepare"] += 1

    def open(self, source: str, speaker: str) -> "ScriptedStream":
        self.calls["open"] += 1
        return ScriptedStream(self, source)

    async def translate_text(
        self, text: str, source: str, targets: Collection[str]
    ) -> dict[str, str]:
        if self.fails:
            raise StageDown("Scripted.", "To be so.")
        for target in targets:
            self.calls[f"text {target}"] += 1
        return {target: f"{text} in {target}" for target in targets}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class ScriptedStream:
    def __init__(self, translator: ScriptedTranslator, source: str) -> None:
        self._translator = translator
        self._source = source
        self._samples = 0

    async def feed(self, samples: Samples) -> None:
        self._samples += len(samples)

    async def partial(self) -> str:
        return f"so far {self._samples}"

    async def finish(self, targets: Collection[str]) -> Translation:
        translator = self._translator
        translator.calls["finish"] += 1
        await asyncio.sleep(translator.delay_s)
        if translator.fails:
            raise StageDown("Scripted.", "To be so.")
        translator.finished.set()
        if not translator.hears:
            return Translation(self._source, "", {})
        text = translator.says or str(self._samples)
        reached = translator.reachable(self._source).intersection(targets)
        texts = {to: f"{text} in {to}" for to in reached}
        return Translation(self._source, text, texts, confidence=translator.confidence)

    async def close(self) -> None:
        self._translator.calls["close"] += 1


class ScriptedSynthesizer:
    """Speaks Spanish and English, a tenth of a second a text."""

    languages = frozenset({"es", "en"})

    def __init__(self) -> None:
        self.fails = False
        self.calls = Counter[str]()
        self.speakers = set[int]()

    def engine(self, language: str) -> str:
        return "scripted"

    async def speak(
        self, text: str, language: str, voice: str | None = None, speaker: int = 0
    ) -> AsyncIterator[Audio]:
        self.calls[language] += 1
        self.speakers.add(speaker)
        if self.fails:
            raise StageDown("Scripted.", "To be so.")
        yield Audio(np.zeros(800, np.float32), 8000)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
