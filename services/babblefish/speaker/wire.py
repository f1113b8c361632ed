"""What a speaker stage and its callers send each other.

`POST /embed`: speech as float32 samples, little-endian, 16 kHz → the voiceprint as float32 numbers;
nothing where nobody speaks.
"""

import numpy as np
import numpy.typing as npt
from msgspec import Struct

MOST_BYTES = 1 << 20
"""Of speech: what `useful` leaves is less."""


class Abilities(Struct, frozen=True):
    """What the encoder is, as `SpeakerEncoder` has it; until that is known, nobody is anybody."""

    model: str = ""
    threshold: float = 1.0


def pack(numbers: npt.NDArray[np.float32]) -> bytes:
    """Samples or a voiceprint as they are sent: exactly, so that near and far are the same."""
    return numbers.astype("<f4").tobytes()


def unpack(data: bytes) -> npt.NDArray[np.float32]:
    """Shape `[n]`; raises `ValueError` for what is none."""
    return np.frombuffer(data, "<f4").astype(np.float32)
