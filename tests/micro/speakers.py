"""Who taught the micro SeamlessM4T, and who never did."""

import numpy as np

from tests.micro.voices import Voice

DIALECTS = {
    "en": ("gmw/en-US", "gmw/en", "gmw/en-GB-scotland", "gmw/en-GB-x-gbclan"),
    "fr": ("roa/fr", "roa/fr-BE"),
    "pl": ("zlw/pl",),
}
VARIANTS = (
    *("", "m1", "m2", "m3", "m5", "m6", "m7", "f1", "f2", "f4", "Alex", "Alicia", "Gene"),
    *("Lee", "Mario", "Reed", "adam", "aunty", "belinda", "benjamin", "caleb", "david"),
    *("ed", "edward", "grandma", "grandpa", "gustave", "john", "klatt2", "klatt6"),
    *("marcelo", "max", "michel", "norbert", "quincy", "robert", "steph", "travis", "zac"),
)

NEW_DIALECTS = {"en": "gmw/en-GB-x-rp", "fr": "roa/fr-CH", "pl": "zlw/pl"}
NEW_VARIANTS = ("m4", "m8", "f3", "f5", "Andy", "Annie", "Michael", "klatt4", "linda", "paul")

EXTREMES = ((105, 5), (230, 95))
"""Slow and low, fast and high: a speed and a pitch near which nobody teaches."""
_NEAR = (15, 10)


def teacher(language: str, rng: np.random.Generator) -> Voice:
    """Any of those who teach, at any of their speeds and pitches."""
    return Voice(str(rng.choice(DIALECTS[language])), str(rng.choice(VARIANTS)), *_manner(rng))


def stranger(language: str, rng: np.random.Generator) -> Voice:
    """A throat, and where there is one a dialect, that never taught."""
    return Voice(
        NEW_DIALECTS[language],
        str(rng.choice(NEW_VARIANTS)),
        int(rng.integers(130, 201)),
        int(rng.integers(30, 71)),
    )


def _manner(rng: np.random.Generator) -> tuple[int, int]:
    """Speed and pitch."""
    while True:
        speed, pitch = int(rng.integers(100, 241)), int(rng.integers(2, 100))
        if not any(_near(speed, pitch, *extreme) for extreme in EXTREMES):
            return speed, pitch


def _near(speed: int, pitch: int, other_speed: int, other_pitch: int) -> bool:
    return abs(speed - other_speed) <= _NEAR[0] and abs(pitch - other_pitch) <= _NEAR[1]
