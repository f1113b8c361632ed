"""What every translator does, in this process or behind HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
import pytest_asyncio

from babblefish.audio import FRAME_SAMPLES, Samples
from babblefish.settings import load
from babblefish.translator import light
from babblefish.translator.base import SpeechStream, Translator
from babblefish.translator.remote import RemoteTranslator
from tests.support import speech
from tests.support.stages import Stage, staged

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SAID = speech.utterance(speech.go_forward())
TRANSCRIPT = "Go forward ten meters"
TEXTS = {"es": "Va de frente diez metros", "fr": "Il va de front dix mètres"}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged("translator", threads=1) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[Translator]:
    engine = light.build(load(["--threads", "1"]))
    await engine.start()
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def remote(stage: Stage) -> AsyncIterator[Translator]:
    engine = RemoteTranslator(stage.url)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture(params=["local", "remote"])
def translator(request: pytest.FixtureRequest) -> Translator:
    chosen: Translator = request.getfixturevalue(request.param)
    return chosen


async def feed(stream: SpeechStream, samples: Samples) -> None:
    for at in range(0, len(samples), FRAME_SAMPLES):
        await stream.feed(samples[at : at + FRAME_SAMPLES])


async def test_it_says_what_it_can(translator: Translator) -> None:
    assert translator.speech_languages == {"en"}
    assert {"en", "es", "fr"} <= translator.text_languages
    assert {"es", "fr", "ca"} <= translator.reachable("en")
    assert "en" not in translator.reachable("en")
    assert translator.reachable("xx") == frozenset()


async def test_speech_becomes_text_in_every_language_asked_for(translator: Translator) -> None:
    stream = translator.open("en", "dan")
    await feed(stream, SAID)
    translation = await stream.finish(["es", "fr", "xx"])
    await stream.close()
    assert translation.source_language == "en"
    assert translation.transcript == TRANSCRIPT
    assert translation.texts == TEXTS
    assert 0 < translation.confidence < 1
    assert translation.stages.keys() == {"recognise", "translate"}


async def test_partials_grow_into_the_transcript(translator: Translator) -> None:
    stream, partials = translator.open("en", "dan"), set()
    for part in np.array_split(SAID, 10):
        await feed(stream, part)
        partials.add(await stream.partial())
    await stream.close()
    assert "" in partials
    assert TRANSCRIPT in partials


@pytest.mark.slow
async def test_the_speaker_may_go_on_after_finish(translator: Translator) -> None:
    stream = translator.open("en", "dan")
    for part in np.array_split(SAID, 3):
        await feed(stream, part)
        translation = await stream.finish(["es"])
    await stream.close()
    assert translation.transcript == TRANSCRIPT


async def test_a_finish_that_nobody_awaits_any_more_does_no_harm(translator: Translator) -> None:
    stream = translator.open("en", "dan")
    first, second = np.array_split(SAID, 2)
    await feed(stream, first)
    for _ in range(3):
        draft = asyncio.create_task(stream.finish(["es"]))
        await asyncio.sleep(0.01)
        draft.cancel()
        await asyncio.gather(draft, return_exceptions=True)
    await feed(stream, second)
    assert (await stream.finish(["es"])).transcript == TRANSCRIPT
    await stream.close()


@pytest.mark.slow
async def test_voices_at_the_same_time_do_not_mix(translator: Translator) -> None:
    async def heard(clip: Samples, speaker: str) -> str:
        stream = translator.open("en", speaker)
        await feed(stream, clip)
        translation = await stream.finish([])
        await stream.close()
        return translation.transcript

    numbers = speech.utterance(speech.numbers())
    dan, bob = await asyncio.gather(heard(SAID, "dan"), heard(numbers, "bob"))
    assert (dan, bob) == (TRANSCRIPT, "Thirty three four or six ninety two")


async def test_nothing_said_is_nothing_translated(translator: Translator) -> None:
    stream = translator.open("en", "dan")
    translation = await stream.finish(["es"])
    await stream.close()
    assert (translation.transcript, translation.texts) == ("", {})


async def test_text_is_translated(translator: Translator) -> None:
    texts = await translator.translate_text("¿Dónde está la casa?", "es", ["en", "ca", "xx"])
    assert texts == {"en": "Where it is the house?", "ca": "On està la casa?"}


async def test_being_told_what_will_be_spoken_takes_no_time(translator: Translator) -> None:
    translator.prepare({"en", "es"})
    assert await translator.translate_text("house", "en", ["es"]) == {"es": "Casa"}
