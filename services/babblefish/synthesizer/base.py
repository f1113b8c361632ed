"""What a synthesizer is."""

from collections.abc import AsyncIterator
from typing import Protocol

from babblefish.audio import Audio


class Synthesizer(Protocol):
    """Text to speech in stock voices; the engine behind the `synthesizer` stage."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages it speaks."""

    def engine(self, language: str) -> str:
        """What `tts_voice` calls the engine that speaks one of them."""

    def speak(
        self, text: str, language: str, voice: str | None = None, speaker: int = 0
    ) -> AsyncIterator[Audio]:
        """The speech, piece by piece.

        `voice` is one of the engine's own; without it every `speaker`, a small number, has a voice
        that is always the same and unlike the next one's. Raises `StageError` if it cannot.
        """

    async def start(self) -> None:
        """Loads what takes time."""

    async def stop(self) -> None:
        """Ends processes and threads."""
