"""The speech that micro checkpoints are taught and tested with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.synthesizer.espeak import Espeak
from tests.micro import speakers
from tests.micro.disturb import as_heard, pink, with_noise
from tests.micro.phrases import LANGUAGES, PHRASES
from tests.micro.voices import USUAL, Voice, speak


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_voice_forgets_who_spoke_before(language: str) -> None:
    text = getattr(PHRASES[0], language)
    first = speak(text, USUAL[language])
    speak(text, USUAL[language]._replace(variant="f3", speed=220, pitch=90))
    assert len(speak(text, USUAL[language])) == pytest.approx(len(first), rel=0.01)


def test_who_speaks_faster_is_done_earlier() -> None:
    slow, fast = (speak(PHRASES[0].en, Voice("gmw/en-US", speed=s)) for s in (120, 220))
    assert len(fast) < 0.7 * len(slow)


async def test_the_products_engine_keeps_its_own_voice() -> None:
    engine = Espeak()
    before = [piece async for piece in engine.speak("Hello.", "en")]
    speak("Bonjour.", USUAL["fr"]._replace(variant="m7", speed=90))
    after = [piece async for piece in engine.speak("Hello.", "en")]
    await engine.stop()
    assert after[0].seconds == pytest.approx(before[0].seconds, rel=0.01)


def test_who_is_tested_with_never_taught() -> None:
    assert not set(speakers.NEW_VARIANTS) & set(speakers.VARIANTS)
    for language in ("en", "fr"):
        assert speakers.NEW_DIALECTS[language] not in speakers.DIALECTS[language]


@given(seed=st.integers(0, 2**32 - 1))
def test_nobody_teaches_how_the_extremes_speak(seed: int) -> None:
    taught = speakers.teacher("en", np.random.default_rng(seed))
    for speed, pitch in speakers.EXTREMES:
        assert abs(taught.speed - speed) > 15 or abs(taught.pitch - pitch) > 10


@given(snr_db=st.floats(-10, 60), seed=st.integers(0, 2**32 - 1))
def test_noise_is_as_much_weaker_as_asked(snr_db: float, seed: int) -> None:
    speech = np.sin(np.arange(16_000, dtype=np.float32))
    added = with_noise(speech, pink(16_000, np.random.default_rng(seed)), snr_db) - speech
    measured = 10 * np.log10(np.mean(speech**2) / np.mean(added**2))
    assert measured == pytest.approx(snr_db, abs=0.1)


@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_heard_is_the_sentence_and_some_room(seed: int) -> None:
    speech = speak(PHRASES[0].en, USUAL["en"])
    heard = as_heard(speech, np.random.default_rng(seed), [speech])
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert len(speech) - 0.03 * 16_000 <= len(heard) <= len(speech) + 1.4 * 16_000
