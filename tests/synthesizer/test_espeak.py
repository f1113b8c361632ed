"""espeak-ng, in this process or behind HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish import settings
from babblefish.audio import Audio, join
from babblefish.errors import StageDown
from babblefish.synthesizer import espeak
from babblefish.synthesizer.base import Synthesizer
from babblefish.synthesizer.espeak import timbre
from babblefish.synthesizer.remote import RemoteSynthesizer
from tests.support.stages import Stage, staged
from tests.support.timbre import recognised


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged("synthesizer") as running:
        yield running


@pytest.fixture(params=["local", "remote"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Synthesizer]:
    remote = request.param == "remote"
    url = request.getfixturevalue("stage").url if remote else ""
    engine: Synthesizer = RemoteSynthesizer(url) if remote else espeak.build(settings.load())
    await engine.start()
    yield engine
    await engine.stop()


async def spoken(engine: Synthesizer, text: str, language: str, speaker: int = 0) -> Audio:
    return join([piece async for piece in engine.speak(text, language, speaker=speaker)])


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Where is the station?"),
        ("fr", "Où est la gare ?"),
        ("es", "¿Dónde está la estación?"),
        ("pl", "Gdzie jest dworzec?"),
        ("ca", "On és l'estació?"),
        ("pt", "Onde fica a estação?"),
        ("zh", "车站在哪里？"),
    ],
)
async def test_it_speaks(engine: Synthesizer, language: str, text: str) -> None:
    audio = await spoken(engine, text, language)
    assert 0.5 < audio.seconds < 4
    assert 0.1 < np.abs(audio.samples).max() <= 1


async def test_languages_are_those_it_has_voices_for(engine: Synthesizer) -> None:
    assert len(engine.languages) > 80
    assert {"en", "fr", "es", "pl", "de", "zh"} <= engine.languages
    assert "gl" not in engine.languages


async def test_languages_sound_different(engine: Synthesizer) -> None:
    english = await spoken(engine, "table", "en")
    french = await spoken(engine, "table", "fr")
    assert len(english.samples) != len(french.samples)


async def test_a_sentence_is_heard_before_the_next_is_spoken(engine: Synthesizer) -> None:
    pieces = [piece async for piece in engine.speak("One two three. Four five six!", "en")]
    assert len(pieces) == 2


async def test_markup_is_spoken_not_obeyed(engine: Synthesizer) -> None:
    plain = await spoken(engine, "hello", "en")
    marked = await spoken(engine, '<break time="60s"/> hello [[h@l\'oU]]', "en")
    assert marked.seconds < plain.seconds + 10


async def test_many_at_once_get_each_their_own(engine: Synthesizer) -> None:
    alone = [await spoken(engine, "word " * length, "en") for length in range(1, 9)]
    together = await asyncio.gather(
        *(spoken(engine, "word " * length, "en") for length in range(1, 9))
    )
    for one, other in zip(alone, together, strict=True):
        assert one.seconds == pytest.approx(other.seconds, abs=0.02)


async def test_a_voice_that_is_not_there_is_an_error(engine: Synthesizer) -> None:
    with pytest.raises(StageDown, match="no voice"):
        async for _ in engine.speak("hello", "en", voice="xx/none"):
            pass


async def test_the_loop_goes_on_while_it_speaks(engine: Synthesizer) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await spoken(engine, "a rather long sentence " * 40, "en")
    ticking.cancel()
    assert ticks > 5


async def test_speakers_sound_different_and_keep_their_voice(engine: Synthesizer) -> None:
    said = "Gdzie jest dworzec kolejowy?"
    once = [await spoken(engine, said, "pl", speaker) for speaker in range(8)]
    again = [await spoken(engine, said, "pl", speaker) for speaker in range(8)]
    assert [recognised(voice, once) for voice in again] == list(range(8))


@given(st.integers(0, 29), st.integers(0, 29))
def test_thirty_speakers_have_a_timbre_each(one: int, other: int) -> None:
    assert (timbre(one) == timbre(other)) == (one == other)
