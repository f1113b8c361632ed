"""What a speaker encoder is."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from babblefish.audio import Samples
from babblefish.errors import StageError

Voiceprint = npt.NDArray[np.float32]
"""A voice, shape `[d]`, of unit length: the cosine of two is their dot product."""


class NoVoice(StageError):
    """There is nothing to tell a voice by: silence, or too little speech."""


class SpeakerEncoder(Protocol):
    """Speech to voiceprint; the engine behind the `speaker` stage."""

    @property
    def model(self) -> str:
        """Which model's space the prints live in, `pyannote/embedding`; empty while unknown.

        Prints of different models have nothing to do with each other.
        """

    @property
    def threshold(self) -> float:
        """The cosine from which two prints are one voice."""

    async def embed(self, speech: Samples) -> Voiceprint:
        """The voice of `speech`, one person's, 16 kHz.

        Raises `NoVoice` if nobody speaks long enough in it, `StageError` if it cannot.
        """

    async def start(self) -> None:
        """Loads what takes time."""

    async def stop(self) -> None:
        """Ends processes and threads."""
