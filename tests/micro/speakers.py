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


def teacher(language: str, rng: np.random.Generator) -> Voice:
    """Any of those who teach, at any of their speeds."""
    return Voice(
        str(rng.choice(DIALECTS[language])),
        str(rng.choice(VARIANTS)),
        int(rng.integers(115, 221)),
        int(rng.integers(10, 91)),
    )


def stranger(language: str, rng: np.random.Generator) -> Voice:
    """A throat, and where there is one a dialect, that never taught."""
    return Voice(
        NEW_DIALECTS[language],
        str(rng.choice(NEW_VARIANTS)),
        int(rng.integers(130, 201)),
        int(rng.integers(30, 71)),
    )
