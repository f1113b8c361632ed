import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.settings import Settings
from babblefish.silero import Silero
from babblefish.translator.gate import (
    Hypothesis,
    Limits,
    Refusal,
    geometric_mean,
    refused_sound,
    refused_transcript,
    refused_translation,
    repeats,
)
from tests.support import noise, speech

LIMITS = Limits(
    *(
        Settings.model_fields[name].default
        for name in ("voice_threshold", "min_voice_ms", "min_voice_ratio", "min_token_score")
    )
)
SURE = 0.9

words = st.text(st.characters(categories=["Ll", "Lo"]), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def silero() -> Silero:
    return Silero()


@pytest.mark.parametrize("kind", sorted(noise.KINDS))
def test_noise_is_refused_before_the_model_is_asked(
    silero: Silero, kind: str, rng: np.random.Generator
) -> None:
    frames = silero.clip(noise.KINDS[kind](3, rng))
    assert refused_sound(frames, LIMITS) == Refusal.VOICE


def test_recorded_people_pass(silero: Silero) -> None:
    for clip in (speech.go_forward(), speech.numbers(), speech.front_center()):
        assert refused_sound(silero.clip(clip), LIMITS) is None


def test_too_little_voice_is_noise() -> None:
    assert refused_sound([], LIMITS) == Refusal.VOICE
    assert refused_sound([0.9] * 3, LIMITS) == Refusal.VOICE
    assert refused_sound([0.9] * 4 + [0.1] * 4, LIMITS) is None
    assert refused_sound([0.9] * 4 + [0.1] * 100, LIMITS) == Refusal.VOICE


@pytest.mark.parametrize(
    "text",
    ["Hello, how are you?", "Nie, nie, nie, nie!", "我有10000元，你呢？", "哈哈哈哈哈", "Ja.", "1"],
)
def test_what_people_say_passes(text: str) -> None:
    assert refused_transcript(Hypothesis(text, SURE), 1.5, LIMITS) is None


@pytest.mark.parametrize(
    ("text", "score", "why"),
    [
        ("", SURE, Refusal.EMPTY),
        (" … ♪", SURE, Refusal.EMPTY),
        ("Thank you.", 0.2, Refusal.SCORE),
        ("Thank you.", math.nan, Refusal.SCORE),
        ("thank you " * 4, SURE, Refusal.REPETITION),
        ("I said: no no no no no no", SURE, Refusal.REPETITION),
        ("谢谢你们谢谢你们谢谢你们谢谢你们谢谢你们", SURE, Refusal.REPETITION),
        ("One two three four five six seven eight nine ten eleven", SURE, Refusal.LENGTH),
    ],
)
def test_what_nobody_says_is_refused(text: str, score: float, why: Refusal) -> None:
    assert refused_transcript(Hypothesis(text, score), 1.0, LIMITS) == why


def test_a_translation_is_about_as_long_as_its_source() -> None:
    source = "We will meet again next week, in the same room as today."
    assert (
        refused_translation(Hypothesis("我们下周在今天的房间再见。", SURE), source, LIMITS) is None
    )
    assert refused_translation(Hypothesis("We", SURE), source, LIMITS) == Refusal.LENGTH
    assert refused_translation(Hypothesis(source * 2, SURE), "We", LIMITS) == Refusal.LENGTH


@given(phrase=st.lists(words, min_size=1, max_size=8, unique=True), before=words)
def test_whatever_comes_six_times_over_is_a_loop(phrase: list[str], before: str) -> None:
    assert repeats(" ".join([before, *phrase * 6]))


@given(st.lists(words, max_size=40, unique_by=str.casefold))
def test_words_that_all_differ_are_none(spoken: list[str]) -> None:
    assert not repeats(" ".join(spoken))


@given(st.lists(st.floats(min_value=1e-6, max_value=1), min_size=1))
def test_a_mean_is_between_its_extremes(probabilities: list[float]) -> None:
    mean = geometric_mean([math.log(probability) for probability in probabilities])
    assert min(probabilities) * 0.999 <= mean <= max(probabilities) * 1.001
    assert geometric_mean([]) == 0
