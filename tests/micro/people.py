"""Voices that the micro speaker embedding was taught with, and others.

A person is a dialect, a throat, a pitch and a pace, and never says a sentence twice alike.
"""

import numpy as np

from babblefish.audio import Samples
from tests.micro.disturb import as_heard
from tests.micro.phrases import PHRASES
from tests.micro.speakers import DIALECTS, NEW_DIALECTS, NEW_VARIANTS, VARIANTS
from tests.micro.voices import Voice, speak

_PACE = 8
"""Words a minute by which somebody is now slower, now faster."""

_LANGUAGES = {
    **{dialect: language for language, dialects in DIALECTS.items() for dialect in dialects},
    **{dialect: language for language, dialect in NEW_DIALECTS.items()},
}


def teachers(count: int, rng: np.random.Generator) -> list[Voice]:
    """People with the throats of teachers; each throat and dialect about as often."""
    return [
        Voice(
            str(rng.choice(DIALECTS[str(rng.choice(list(DIALECTS)))])),
            VARIANTS[number % len(VARIANTS)],
            int(rng.integers(135, 200)),
            int(rng.integers(15, 86)),
        )
        for number in range(count)
    ]


def strangers() -> list[Voice]:
    """People with throats that never taught, one of each throat and language."""
    pitches = (30, 50, 70)
    return [
        Voice(dialect, variant, 150 + 2 * number, pitches[number % 3])
        for number, variant in enumerate(NEW_VARIANTS)
        for dialect in NEW_DIALECTS.values()
    ]


def says(voice: Voice, rng: np.random.Generator) -> Samples:
    """One or two sentences of a meeting, 16 kHz."""
    chosen = rng.choice(len(PHRASES), int(rng.integers(1, 3)), replace=False)
    text = " ".join(getattr(PHRASES[number], _LANGUAGES[voice.dialect]) for number in chosen)
    pace = int(rng.integers(-_PACE, _PACE + 1))
    return speak(text, voice._replace(speed=voice.speed + pace))


def heard(voice: Voice, rng: np.random.Generator, others: list[Samples]) -> Samples:
    """The same by a phone, in some room."""
    return as_heard(says(voice, rng), rng, others)
