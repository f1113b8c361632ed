"""Several synthesizers as one: each language is spoken by the first that can."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from babblefish.audio import Audio
from babblefish.errors import StageDown
from babblefish.settings import Settings
from babblefish.stage import engines
from babblefish.synthesizer.base import Synthesizer


def build(reference: str, settings: Settings) -> Synthesizer:
    """The engines that `reference` names (`local:kokoro,local:espeak`), the preferred one first.

    Not yet started; raises `EngineMissing` if one of them is not to be had.
    """
    built: list[Synthesizer] = [
        engines.build("synthesizer", each, settings) for each in reference.split(",")
    ]
    return built[0] if len(built) == 1 else Chooser(built)


class Chooser:
    """A `Synthesizer` of several, the preferred one first."""

    def __init__(self, synthesizers: Sequence[Synthesizer]) -> None:
        self._synthesizers = synthesizers

    @property
    def languages(self) -> frozenset[str]:
        """What any of them speaks."""
        return frozenset().union(*(each.languages for each in self._synthesizers))

    def engine(self, language: str) -> str:
        """See `Synthesizer`."""
        return self._chosen(language).engine(language)

    async def speak(
        self, text: str, language: str, voice: str | None = None, speaker: int = 0
    ) -> AsyncIterator[Audio]:
        """See `Synthesizer`; `voice` is one of the engine that speaks the language."""
        async for piece in self._chosen(language).speak(text, language, voice, speaker):
            yield piece

    async def start(self) -> None:
        """All of them."""
        await asyncio.gather(*(each.start() for each in self._synthesizers))

    async def stop(self) -> None:
        """All of them."""
        await asyncio.gather(*(each.stop() for each in self._synthesizers))

    def _chosen(self, language: str) -> Synthesizer:
        """Raises `StageDown`."""
        for each in self._synthesizers:
            if language in each.languages:
                return each
        raise StageDown(f"Nothing here speaks {language!r}.", "Read it, or choose another.")
