"""What a synthesizer is."""

from collections.abc import AsyncIterator
from typing import Protocol

from babblefish.audio import Audio


class Synthesizer(Protocol):
    """Text to speech in stock voices; the engine behind the `synthesizer` stage."""

    @property
    def name(self) -> str:
        """What `tts_voice` calls it."""

    @property
    def languages(self) -> frozenset[str]:
        """Languages it speaks."""

    def speak(self, text: str, language: str, voice: str | None = None) -> AsyncIterator[Audio]:
        """The speech, sentence by sentence; `voice` is one of the engine's own, or its usual.

        Raises `StageError` if it cannot.
        """

    async def start(self) -> None:
        """Loads what takes time."""

    async def stop(self) -> None:
        """Ends processes and threads."""
