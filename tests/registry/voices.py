"""Voiceprints as a model might give them: by chance, or as near to another as is wanted."""

import numpy as np
from hypothesis import strategies as st

from babblefish.people import Person, Speaker
from babblefish.registry.identity import Heard, Voice
from babblefish.speaker.base import Voiceprint

SIZE = 64
MODEL = "scripted/voices"
THRESHOLD = 0.6

PIERRE = Person("phone-1", "Pierre", "fr", voice=0)
DAN = Person("phone-2", "Dan", "en", voice=1)


def print_of(seed: int) -> Voiceprint:
    """A voice; two of them have little in common."""
    rng = np.random.default_rng(seed)
    return unit(rng.standard_normal(SIZE).astype(np.float32))


def unit(vector: Voiceprint) -> Voiceprint:
    scaled: Voiceprint = (vector / np.linalg.norm(vector)).astype(np.float32)
    return scaled


def near(voiceprint: Voiceprint, cosine: float, seed: int = 0) -> Voiceprint:
    """Another print, at just this cosine from the one given."""
    other = print_of(10_000 + seed)
    across = unit(other - (other @ voiceprint) * voiceprint)
    return unit(cosine * voiceprint + np.sqrt(1 - cosine**2) * across)


def heard(voiceprint: Voiceprint, seconds: float = 2, fresh_id: str = "fresh") -> Heard:
    return Heard(voiceprint, seconds, MODEL, THRESHOLD, fresh_id)


def voice(
    voiceprint: Voiceprint, speaker_id: str = "someone", number: int = 7, model: str = MODEL
) -> Voice:
    speaker = Speaker(speaker_id, speaker_id.title(), number)
    return Voice(speaker, model, voiceprint, voiceprint, weight=2, seconds=2)


seeds = st.integers(0, 5000)
prints = seeds.map(print_of)
