"""No sentence from noise: what of a model's hypotheses was really said.

Speech models fill noise with sentences. Each rule refuses one way in which such a sentence
differs from speech; what remains is told to people.
"""

import math
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from babblefish.audio import FRAME_MS


class Refusal(StrEnum):
    """Why something is no sentence."""

    VOICE = "voice"
    EMPTY = "empty"
    SCORE = "score"
    REPETITION = "repetition"
    LENGTH = "length"


class Hypothesis(Struct, frozen=True, array_like=True):
    """A text, and the geometric mean of its tokens' probabilities."""

    text: str
    score: float


class Limits(Struct, frozen=True):
    """From where on something is a sentence; see `Settings` for each."""

    voice_threshold: float
    min_voice_ms: float
    min_voice_ratio: float
    min_token_score: float


# No language is spoken faster than about 8 syllables a second (Pellegrino et al., Language 87,
# 2011), and a syllable is hardly written with more than 4 characters.
_CHARACTERS_A_SECOND = 32.0
# Chinese takes a quarter of the characters of English; twice that is no translation any more.
_LENGTH_RATIO = 8.0
# What a short word may have beyond any ratio: “Ja” is “Yes, that is so”.
_SPARE_CHARACTERS = 20

_LONGEST_LOOP = 8
_LOOPS = 4
_LOOPS_OF_ONE = 6
"""“No, no, no, no!” is a sentence."""
_UNSPACED = 16
"""Characters in a row that are more than a word: writing without spaces, or babble."""


def refused_sound(frames: Sequence[float], limits: Limits) -> Refusal | None:
    """Judges an utterance by the probability of voice in each of its frames of 32 ms."""
    voiced = sum(frame >= limits.voice_threshold for frame in frames)
    enough = voiced * FRAME_MS >= limits.min_voice_ms
    if voiced and enough and voiced / len(frames) >= limits.min_voice_ratio:
        return None
    return Refusal.VOICE


def refused_transcript(heard: Hypothesis, seconds: float, limits: Limits) -> Refusal | None:
    """Judges what was understood of an utterance of `seconds`."""
    too_long = len(heard.text) > _SPARE_CHARACTERS + _CHARACTERS_A_SECOND * seconds
    return _refused(heard, too_long, limits)


def refused_translation(text: Hypothesis, source: str, limits: Limits) -> Refusal | None:
    """Judges the translation of a `source` text."""
    shorter, longer = sorted((len(text.text), len(source)))
    too_long = longer > _SPARE_CHARACTERS + _LENGTH_RATIO * shorter
    return _refused(text, too_long, limits)


def _refused(hypothesis: Hypothesis, bad_length: bool, limits: Limits) -> Refusal | None:
    if not any(map(str.isalnum, hypothesis.text)):
        return Refusal.EMPTY
    if not hypothesis.score >= limits.min_token_score:  # no number is no sentence either
        return Refusal.SCORE
    if repeats(hypothesis.text):
        return Refusal.REPETITION
    return Refusal.LENGTH if bad_length else None


def repeats(text: str) -> bool:
    """Whether the same words, or characters where words are not spaced, come over and over."""
    spaced = text.casefold().split()
    words = [bare for word in spaced if (bare := "".join(filter(str.isalnum, word)))]
    return _loops(words, 1) or any(_loops(word, 2) for word in words if len(word) > _UNSPACED)


def _loops(units: Sequence[str], shortest: int) -> bool:
    """Whether a run of `shortest` to 8 units follows itself more often than anybody says it."""
    return any(
        all(units[at + i] == units[at + i + size] for i in range(size * (times - 1)))
        for size in range(shortest, _LONGEST_LOOP + 1)
        for times in [_LOOPS_OF_ONE if size == 1 else _LOOPS]
        for at in range(len(units) - size * times + 1)
    )


def geometric_mean(log_probabilities: Sequence[float]) -> float:
    """Of probabilities given as logarithms; 0 for none."""
    if not log_probabilities:
        return 0.0
    return math.exp(math.fsum(log_probabilities) / len(log_probabilities))
