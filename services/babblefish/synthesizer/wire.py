"""What a synthesizer stage and its callers send each other.

`POST /speak`: `SpeakRequest` → the speech while it is made, piece by piece: sample rate and number
of samples (uint32, little-endian), then that many float32 samples, little-endian.
"""

import struct
from collections.abc import AsyncIterator

import numpy as np
from msgspec import Struct

from babblefish.audio import Audio

_HEAD = struct.Struct("<II")


class Abilities(Struct, frozen=True):
    """What the synthesizer can, as `Synthesizer` has it.

    `name` is the engine of every language that `engines` does not name: of all of them where the
    stage is older than that field.
    """

    name: str = ""
    languages: frozenset[str] = frozenset()
    engines: dict[str, str] = {}

    def engine(self, language: str) -> str:
        """See `Synthesizer`."""
        return self.engines.get(language, self.name)


class SpeakRequest(Struct, frozen=True):
    """`Synthesizer.speak`."""

    text: str
    language: str
    voice: str | None = None
    speaker: int = 0


def pack(audio: Audio) -> bytes:
    """A piece as it is sent: exactly, so that near and far sound the same."""
    samples = audio.samples.astype("<f4").tobytes()
    return _HEAD.pack(audio.sample_rate, len(audio.samples)) + samples


async def unpack(parts: AsyncIterator[bytes]) -> AsyncIterator[Audio]:
    """The pieces of a body, each as soon as it is there; raises `ValueError` if one is cut."""
    waiting = bytearray()
    async for part in parts:
        waiting += part
        while len(waiting) >= _HEAD.size:
            rate, count = _HEAD.unpack_from(waiting)
            end = _HEAD.size + 4 * count
            if len(waiting) < end:
                break
            samples = np.frombuffer(bytes(waiting[_HEAD.size : end]), "<f4").astype(np.float32)
            del waiting[:end]
            yield Audio(samples, rate)
    if waiting:
        raise ValueError("the speech ends in the middle of a piece")
