"""What is clean enough to clone a voice from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.audio import SAMPLE_RATE, Audio, Samples
from babblefish.voices.quality import (
    Said,
    activity,
    clipped,
    flaw,
    level_db,
    quality,
    snr_db,
    trimmed,
)
from tests.support import speech

TEXT = "thirty three four or six ninety two"
CLEAN = speech.numbers()


def said(samples: Samples, **other: object) -> Said:
    sound = Audio(samples.astype(np.float32), SAMPLE_RATE)
    whole = Said("a voice", sound, 0.8 * sound.seconds, TEXT, "en")
    return replace(whole, **other)  # type: ignore[arg-type]


def noisy(samples: Samples, noise: float, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    return (samples + noise * rng.standard_normal(len(samples))).astype(np.float32)


def test_a_clean_sentence_is_taken() -> None:
    assert flaw(said(CLEAN)) is None
    assert 0.4 < quality(said(CLEAN)) <= 1


@pytest.mark.parametrize(
    ("utterance", "found"),
    [
        (said(CLEAN, whole=False), "length"),
        (said(CLEAN[: SAMPLE_RATE // 2]), "length"),
        (said(np.tile(CLEAN, 3)), "length"),
        (said(CLEAN, voice_s=0.5), "silence"),
        (said(0.003 * CLEAN), "level"),
        (said(np.clip(30 * CLEAN, -0.9, 0.9)), "level"),
        (said(np.clip(3.5 * CLEAN, -1, 1)), "clipping"),
        (said(noisy(CLEAN, 0.03)), "noise"),
        (said(noisy(0 * CLEAN, 0.1)), "noise"),
        (said(CLEAN, text=""), "text"),
        (said(CLEAN, text="Hm."), "text"),
        (said(CLEAN, text=20 * TEXT), "text"),
        (said(CLEAN, confidence=0.4), "text"),
        (said(CLEAN, confidence=float("nan")), "text"),
    ],
)
def test_each_flaw_has_its_name(utterance: Said, found: str) -> None:
    assert flaw(utterance) == found


@given(st.floats(0.001, 0.05), st.floats(1.2, 4), st.integers(0, 100))
def test_more_noise_is_worse(noise: float, times: float, seed: int) -> None:
    some, more = noisy(CLEAN, noise, seed), noisy(CLEAN, times * noise, seed)
    assert snr_db(more) < snr_db(some)
    assert quality(said(more)) <= quality(said(some))


@given(st.floats(0.1, 1.5))
def test_loudness_is_no_noise(gain: float) -> None:
    heard = noisy(CLEAN, 0.003)
    assert snr_db((gain * heard).astype(np.float32)) == pytest.approx(snr_db(heard), abs=0.1)
    louder = level_db((gain * heard).astype(np.float32))
    assert louder == pytest.approx(level_db(heard) + 20 * np.log10(gain), abs=0.1)


@given(st.floats(1, 50), st.floats(1, 3))
def test_what_is_turned_up_clips_more(gain: float, times: float) -> None:
    assert clipped(gain * CLEAN) <= clipped(times * gain * CLEAN) <= 1


def test_the_estimate_is_near_the_noise_that_was_added() -> None:
    tone = np.sin(np.arange(4 * SAMPLE_RATE) * 0.1)
    words = np.where(np.arange(len(tone)) % SAMPLE_RATE < 0.6 * SAMPLE_RATE, tone, 0)
    for ratio_db in (15, 20, 30, 40):
        heard = noisy(words.astype(np.float32), np.sqrt(0.5) * 10 ** (-ratio_db / 20))
        assert snr_db(heard) == pytest.approx(ratio_db, abs=1.5)


@given(st.integers(0, 3000), st.floats(0, 1))
def test_any_samples_are_judged(length: int, loudness: float) -> None:
    anything = noisy(np.zeros(length, np.float32), loudness)
    assert 0 <= quality(said(anything)) <= 1
    assert 0 <= activity(said(anything)) <= 1
    assert flaw(said(anything)) == "length"


@given(st.floats(0.3, 1.5), st.floats(0.3, 1.5))
def test_silence_around_it_goes_and_words_stay(before: float, after: float) -> None:
    padded = np.concatenate([speech.silence(before), CLEAN, speech.silence(after)])
    short = trimmed(Audio(noisy(padded, 0.001), SAMPLE_RATE))
    assert short.seconds < len(CLEAN) / SAMPLE_RATE + 0.3
    kept = float(np.sum(short.samples.astype(np.float64) ** 2))
    assert kept > 0.98 * float(np.sum(CLEAN.astype(np.float64) ** 2))
