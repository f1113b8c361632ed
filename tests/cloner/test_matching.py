"""What is played in somebody's voice is speech of that text, as loud as the stock voice is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babblefish.audio import Audio, Samples, to_wav
from babblefish.cloner.matching import Implausible, check, decoded, matched

RATE = 24_000
TEXT = "va de frente diez metros"


def tone(seconds: float = 1.0, level: float = 0.2, rate: int = RATE) -> Samples:
    at = np.arange(round(seconds * rate)) / rate
    return np.asarray(level * np.sqrt(2) * np.sin(2 * np.pi * 220 * at), np.float32)


def silence(seconds: float, rate: int = RATE) -> Samples:
    return np.zeros(round(seconds * rate), np.float32)


def between(before: float, speech: Samples, after: float, rate: int = RATE) -> Audio:
    return Audio(np.concatenate([silence(before, rate), speech, silence(after, rate)]), rate)


def level(audio: Audio) -> float:
    loud = audio.samples[np.abs(audio.samples) > 1e-4]
    return float(np.sqrt(np.mean(np.square(loud))))


def silences(audio: Audio) -> tuple[float, float]:
    """Seconds before and after."""
    loud = np.flatnonzero(np.abs(audio.samples) > 1e-3)
    return loud[0] / audio.sample_rate, (len(audio.samples) - loud[-1]) / audio.sample_rate


noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "rate", "reason"),
    [
        (tone(0.05), RATE, "length"),
        (tone(40), RATE, "length"),
        (np.zeros(0, np.float32), RATE, "length"),
        (silence(1), RATE, "silent"),
        (tone(level=2e-4), RATE, "silent"),
        (np.clip(tone(level=2), -1, 1), RATE, "clipped"),
        (tone(level=0.1) + np.float32(0.3), RATE, "offset"),
        (tone(level=0.6), RATE, "loud"),
        (np.full(RATE, np.nan, np.float32), RATE, "broken"),
        (tone(), 3_000, "rate"),
        (tone(), 96_000, "rate"),
    ],
)
def test_what_cannot_be_the_sentence_is_refused(samples: Samples, rate: int, reason: str) -> None:
    with pytest.raises(Implausible) as refused:
        check(Audio(samples, rate), TEXT)
    assert refused.value.reason == reason


@settings(deadline=None)
@given(st.floats(0.01, 0.45), st.floats(0.3, 6), st.sampled_from([16_000, 22_050, 24_000]))
def test_speech_is_not_refused(loudness: float, seconds: float, rate: int) -> None:
    check(Audio(tone(seconds, loudness, rate), rate), TEXT)


@pytest.mark.parametrize(
    "wav",
    [
        b"",
        b"RIFF",
        to_wav(Audio(tone(), RATE))[:1000],
        to_wav(Audio(tone(61), RATE)),
        b"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff",
    ],
)
def test_what_is_no_file_of_ours_is_refused(wav: bytes) -> None:
    with pytest.raises(Implausible) as refused:
        decoded(wav)
    assert refused.value.reason == "format"


@settings(deadline=None)
@given(
    clone=st.tuples(st.floats(0, 1), st.floats(0.05, 0.45), st.floats(0, 1)),
    stock=st.tuples(st.floats(0, 1), st.floats(0.05, 0.45), st.floats(0, 1)),
    rate=st.sampled_from([8_000, 16_000, 22_050, 24_000]),
)
def test_loudness_and_silence_are_the_stock_voices(
    clone: tuple[float, float, float], stock: tuple[float, float, float], rate: int
) -> None:
    mine = between(clone[0], tone(1.2, clone[1]), clone[2])
    theirs = between(stock[0], tone(1.0, stock[1], rate), stock[2], rate)
    heard = matched(mine, theirs)
    assert heard.sample_rate == RATE
    assert level(heard) == pytest.approx(level(theirs), rel=0.05)
    assert silences(heard) == pytest.approx(silences(theirs), abs=0.06)
    assert np.abs(heard.samples).max() <= 1


def test_it_never_clips_to_be_as_loud() -> None:
    spoken = tone(level=0.05)
    spoken[1000:1010] = 0.5
    heard = matched(Audio(spoken, RATE), Audio(tone(level=0.4), RATE))
    assert np.abs(heard.samples).max() <= 0.995


def test_it_begins_and_ends_without_a_click() -> None:
    heard = matched(Audio(noise * 0.1, RATE), between(0.2, tone(), 0.2))
    assert np.abs(np.diff(heard.samples[: round(0.2 * RATE) + 10])).max() < 0.02


@pytest.mark.parametrize("seconds", [0.2, 20])
def test_another_length_is_another_sentence(seconds: float) -> None:
    with pytest.raises(Implausible) as refused:
        matched(Audio(tone(seconds), RATE), Audio(tone(5 if seconds < 1 else 1), RATE))
    assert refused.value.reason == "length"


def test_silent_stock_speech_says_nothing_of_loudness() -> None:
    mine = Audio(tone(), RATE)
    assert matched(mine, Audio(silence(0.1), 8_000)) is mine
