"""Which samples are kept, and which are cloned from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.audio import SAMPLE_RATE, Audio
from babblefish.registry.samples import Sample
from babblefish.voices.selection import (
    LONGEST_S,
    MAX_SAMPLES,
    MAX_SECONDS,
    NEEDED_S,
    best,
    improves,
    joined,
    progress,
    surplus,
)


def sample(number: int, seconds: float, quality: float = 0.5, language: str = "en") -> Sample:
    return Sample(number, f"Sentence {number}", language, seconds, quality)


@st.composite
def collections(draw: st.DrawFn) -> list[Sample]:
    rows = st.tuples(st.floats(1.5, 10), st.floats(0, 1), st.sampled_from(["en", "fr"]))
    drawn = draw(st.lists(rows, max_size=30))
    return [sample(number, *row) for number, row in enumerate(drawn)]


@given(collections())
def test_the_choice_is_of_one_language_and_of_the_right_length(samples: list[Sample]) -> None:
    choice = best(samples)
    if choice is None:
        return
    assert NEEDED_S <= choice.seconds <= LONGEST_S
    assert {one.language for one in choice.samples} == {choice.language}
    assert [one.id for one in choice.samples] == sorted({one.id for one in choice.samples})
    assert 0 <= choice.quality <= 1


@given(collections())
def test_nothing_is_chosen_only_where_nothing_can_be(samples: list[Sample]) -> None:
    if best(samples) is None:
        assert progress(samples) < NEEDED_S + 0.5


@given(collections(), st.floats(6, 10), st.floats(0, 1))
def test_more_samples_never_make_it_worse_than_one_that_is_enough(
    samples: list[Sample], seconds: float, quality: float
) -> None:
    choice = best([*samples, sample(1000, seconds, quality)])
    assert choice
    assert choice.quality >= quality - 1e-9


def test_two_good_sentences_are_better_than_a_long_bad_one() -> None:
    choice = best([sample(1, 9, 0.3), sample(2, 3.5, 0.8), sample(3, 3.2, 0.9)])
    assert choice
    assert [one.id for one in choice.samples] == [2, 3]
    assert choice.text == "Sentence 2. Sentence 3."


def test_a_little_better_is_not_worth_sending_again() -> None:
    choice = best([sample(1, 8, 0.62)])
    assert choice
    assert improves(choice, None)
    assert improves(choice, 0.5)
    assert not improves(choice, 0.6)
    assert not improves(choice, 0.62)


@given(collections(), st.integers(1, 12))
def test_what_is_too_much_goes_the_worst_first(samples: list[Sample], times: int) -> None:
    many = [
        Sample(100 * round_ + one.id, one.text, one.language, one.seconds, one.quality)
        for round_ in range(times)
        for one in samples
    ]
    dropped = surplus(many)
    kept = [one for one in many if one not in dropped]
    assert len(kept) <= MAX_SAMPLES
    assert sum(one.seconds for one in kept) <= MAX_SECONDS
    assert len(surplus(kept)) == 0
    if dropped and kept:
        worst_kept = min(one.quality for one in kept)
        assert max(one.quality for one in dropped) <= worst_kept


@given(st.lists(st.tuples(st.floats(0.2, 2), st.floats(0.001, 1)), min_size=1, max_size=6))
def test_sounds_are_joined_equally_loud_and_unclipped(parts: list[tuple[float, float]]) -> None:
    sounds = [
        Audio((gain * np.sin(np.arange(round(seconds * SAMPLE_RATE)))).astype("f4"), SAMPLE_RATE)
        for seconds, gain in parts
    ]
    whole = joined(sounds)
    spoken = sum(sound.seconds for sound in sounds)
    assert whole.seconds == pytest.approx(spoken + 0.1 * (len(parts) - 1), abs=0.001)
    assert np.max(np.abs(whole.samples)) <= 0.95
    first = whole.samples[: len(sounds[0].samples)]
    last = whole.samples[-len(sounds[-1].samples) :]
    assert np.std(first) == pytest.approx(np.std(last), rel=0.05)
