"""Kokoro, micro (see `tests.micro.kokoro`), in this process or behind HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from babblefish import settings
from babblefish.audio import Audio, join
from babblefish.errors import StageDown
from babblefish.synthesizer import kokoro
from babblefish.synthesizer.base import Synthesizer
from babblefish.synthesizer.kokoro import Kokoro
from babblefish.synthesizer.remote import RemoteSynthesizer
from tests.micro import CHECKPOINTS
from tests.support.stages import Stage, staged
from tests.support.timbre import recognised

LONG = "When the meeting starts, we will talk about the project. Then we eat. Then we go home."


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged("synthesizer", synthesizer="local:kokoro", models_dir=CHECKPOINTS) as running:
        yield running


@pytest.fixture(params=["local", "remote"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Synthesizer]:
    remote = request.param == "remote"
    url = request.getfixturevalue("stage").url if remote else ""
    engine: Synthesizer = RemoteSynthesizer(url) if remote else micro()
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def narrow() -> AsyncIterator[Kokoro]:
    """On one core."""
    engine = Kokoro(CHECKPOINTS / "kokoro", cores=1)
    await engine.start()
    yield engine
    await engine.stop()


def micro() -> Kokoro:
    return kokoro.build(settings.load(["--models-dir", str(CHECKPOINTS)]))


async def drained(pieces: AsyncIterator[Audio]) -> int:
    return len([piece async for piece in pieces])


async def spoken(engine: Synthesizer, text: str, language: str, **how: object) -> Audio:
    return join([piece async for piece in engine.speak(text, language, **how)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Where is the station?"),
        ("fr", "Où est la gare, s'il vous plaît ?"),
        ("es", "¿Dónde está la estación?"),
        ("it", "Dov'è la stazione?"),
        ("pt", "Onde fica a estação?"),
        ("hi", "स्टेशन कहाँ है?"),
    ],
)
async def test_it_speaks(engine: Synthesizer, language: str, text: str) -> None:
    audio = await spoken(engine, text, language)
    assert audio.sample_rate == 24_000
    assert 0.5 < audio.seconds < 4
    assert 0.1 < np.abs(audio.samples).max() <= 1


async def test_what_it_would_mumble_is_not_among_its_languages(engine: Synthesizer) -> None:
    assert engine.languages == {"en", "es", "fr", "hi", "it", "pt"}
    with pytest.raises(StageDown, match="does not speak 'pl'"):
        await spoken(engine, "Dzień dobry", "pl")


@pytest.mark.parametrize("language", ["en", "fr", "it"])
async def test_speakers_sound_different_and_keep_their_voice(
    engine: Synthesizer, language: str
) -> None:
    once = [await spoken(engine, "no", language, speaker=speaker) for speaker in range(8)]
    again = [await spoken(engine, "no", language, speaker=speaker) for speaker in range(8)]
    assert [recognised(voice, once) for voice in again] == list(range(8))


async def test_a_voice_may_be_named(engine: Synthesizer) -> None:
    american = await spoken(engine, "my car", "en", voice="af_heart", speaker=3)
    british = await spoken(engine, "my car", "en", voice="bf_emma")
    first = await spoken(engine, "my car", "en")
    np.testing.assert_array_equal(american.samples, first.samples)
    assert len(american.samples) != len(british.samples)  # other phonemes, too


async def test_a_voice_that_is_not_there_is_an_error(engine: Synthesizer) -> None:
    with pytest.raises(StageDown, match="no voice"):
        await spoken(engine, "hello", "en", voice="xx_none")


async def test_the_first_clause_is_heard_before_the_rest_is_spoken(engine: Synthesizer) -> None:
    first, *rest = [piece async for piece in engine.speak(LONG, "en")]
    assert len(rest) == 3
    assert first.seconds < rest[0].seconds


async def test_between_sentences_there_is_a_pause(engine: Synthesizer) -> None:
    pieces = [piece async for piece in engine.speak(LONG, "en")]
    silent = [int(np.flatnonzero(piece.samples)[0]) / piece.sample_rate for piece in pieces]
    assert np.subtract(silent, silent[0]) == pytest.approx([0, 0.1, 0.25, 0.25], abs=0.01)


async def test_a_sentence_longer_than_the_model_takes_is_cut(engine: Synthesizer) -> None:
    pieces = [piece async for piece in engine.speak("word " * 400, "en")]
    assert len(pieces) > 3
    whole = sum(piece.seconds for piece in pieces)
    assert whole == pytest.approx(400 * (await spoken(engine, "word", "en")).seconds, rel=0.3)


@pytest.mark.parametrize("text", ["", " ", "…", "?! -"])
async def test_what_has_no_sound_is_no_speech(engine: Synthesizer, text: str) -> None:
    assert [piece async for piece in engine.speak(text, "en")] == []


async def test_many_at_once_get_each_their_own(engine: Synthesizer) -> None:
    texts = ["word " * length for length in range(1, 9)]
    alone = [await spoken(engine, text, "en") for text in texts]
    together = await asyncio.gather(*(spoken(engine, text, "en") for text in texts))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


async def test_a_long_speech_lets_others_begin(narrow: Kokoro) -> None:
    long = narrow.speak("Then we go home. " * 200, "en")
    await anext(long)
    speaking = asyncio.create_task(drained(long))
    assert await spoken(narrow, "Yes. No. Perhaps.", "en")
    assert not speaking.done()
    speaking.cancel()
    await asyncio.gather(speaking, return_exceptions=True)


async def test_speech_that_nobody_waits_for_frees_its_session(narrow: Kokoro) -> None:
    begun = [asyncio.create_task(spoken(narrow, "Then we go home. " * 500, "en")) for _ in "abc"]
    async for _ in narrow.speak("Yes.", "en"):
        for speech in begun:
            speech.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
    async with asyncio.timeout(1):
        assert await spoken(narrow, "No.", "en")


async def test_before_it_is_loaded_it_says_so() -> None:
    engine = micro()
    with pytest.raises(StageDown, match="still loading"):
        await spoken(engine, "hello", "en")
    await engine.stop()


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


async def test_what_is_said_is_never_logged(
    narrow: Kokoro, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger().setLevel(logging.DEBUG)
    await spoken(narrow, "Abracadabra week-end", "fr")
    with pytest.raises(StageDown) as raised:
        await narrow._sessions.speak("☃", np.zeros((510, 1, 256), np.float32))
    logged = f"{caplog.text}{capfd.readouterr()}{raised.value}{raised.value.__cause__}"
    for said in ("☃", "abracadabra", "week", "wˈiː"):
        assert said not in logged.lower()
