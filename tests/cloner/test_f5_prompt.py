"""What F5 reads on from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babblefish.audio import Audio
from babblefish.cloner.f5_prompt import LONGEST_S, SAMPLE_RATE, prompt

TEXT = "one two three four five six seven eight"


def tone(seconds: float, level: float, rate: int = 16_000) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return Audio((level * np.sqrt(2) * np.sin(2 * np.pi * 200 * time)).astype(np.float32), rate)


def rms(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> float:
    return float(np.sqrt(np.mean(samples**2)))


@settings(deadline=None)  # the first one loads the resampler
@given(st.floats(0.01, 0.09))
def test_who_speaks_softly_is_made_louder_and_that_is_told(level: float) -> None:
    made = prompt(tone(2, level), TEXT)
    assert rms(made.samples[:SAMPLE_RATE]) == pytest.approx(0.1, rel=0.05)
    assert made.softer == pytest.approx(10 * level, rel=0.05)


def test_who_speaks_loudly_stays_so() -> None:
    made = prompt(tone(2, 0.3), TEXT)
    assert made.softer == 1
    assert rms(made.samples[:SAMPLE_RATE]) == pytest.approx(0.3, rel=0.05)


def test_silence_around_it_is_cut() -> None:
    quiet = np.zeros(16_000, np.float32)
    padded = Audio(np.concatenate([quiet, tone(2, 0.1).samples, quiet]), 16_000)
    assert len(prompt(padded, TEXT).samples) / SAMPLE_RATE == pytest.approx(2.05, abs=0.1)


def test_a_long_one_is_cut_with_its_text() -> None:
    made = prompt(tone(2 * LONGEST_S, 0.1), TEXT)
    assert len(made.samples) / SAMPLE_RATE == pytest.approx(LONGEST_S + 0.05)
    assert made.text == "one two three four. "


def test_its_text_ends() -> None:
    assert prompt(tone(1, 0.1), "One two").text == "One two. "
    assert prompt(tone(1, 0.1), "One two?").text == "One two? "


@pytest.mark.parametrize(
    ("audio", "text"),
    [(tone(0.2, 0.1), TEXT), (tone(2, 0), TEXT), (tone(0, 0), TEXT), (tone(2, 0.1), "  ")],
)
def test_what_is_no_speech_is_no_reference(audio: Audio, text: str) -> None:
    with pytest.raises(ValueError, match="without speech or text"):
        prompt(audio, text)
