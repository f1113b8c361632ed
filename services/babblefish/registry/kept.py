"""What the registry's file holds of a voice, and how a print is written."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from babblefish.registry.identity import Voice
from babblefish.speaker.base import Voiceprint


class SessionKey(NamedTuple):
    """A session; `uid` tells one that an operator made from another of its name."""

    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A voice in its session, and when it was last heard, in seconds since 1970."""

    session: SessionKey
    voice: Voice
    heard_at: float


def packed(vector: Voiceprint) -> bytes:
    """The print as little-endian float32."""
    return vector.astype("<f4").tobytes()


def unpacked(blob: bytes) -> Voiceprint:
    """The print of such bytes."""
    return np.frombuffer(blob, "<f4").astype(np.float32)
