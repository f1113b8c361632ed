import asyncio
from collections.abc import AsyncIterator

import numpy as np
import psutil
import pytest

from babblefish.audio import FRAME_SAMPLES, Samples
from babblefish.errors import StageBusy
from babblefish.settings import Settings
from babblefish.translator.base import RecognitionStream, Transcript
from babblefish.translator.pocketsphinx import Pocketsphinx
from tests.support import speech

pytestmark = pytest.mark.slow  # `test_interface.py` is the short form

MIN_CONFIDENCE = Settings.model_fields["min_word_confidence"].default


@pytest.fixture
async def sphinx() -> AsyncIterator[Pocketsphinx]:
    engine = Pocketsphinx(processes=1, min_confidence=MIN_CONFIDENCE, lease_deadline_s=1)
    yield engine
    await engine.stop()


async def feed(stream: RecognitionStream, samples: Samples) -> None:
    for at in range(0, len(samples), FRAME_SAMPLES):
        await stream.feed(samples[at : at + FRAME_SAMPLES])


async def recognise(engine: Pocketsphinx, samples: Samples, speaker: str = "s") -> Transcript:
    stream = engine.open("en", speaker)
    try:
        await feed(stream, samples)
        return await stream.finish()
    finally:
        await stream.close()


@pytest.mark.parametrize("gain", [0.05, 1, 3])
async def test_recorded_people_are_understood_however_loud(
    sphinx: Pocketsphinx, gain: float
) -> None:
    for clip, words in (
        (speech.utterance(speech.go_forward()), "Go forward ten meters"),
        (speech.utterance(speech.go_somewhere()), "Go somewhere and do something"),
        (speech.utterance(speech.numbers()), "Thirty three four or six ninety two"),
    ):
        heard = await recognise(sphinx, np.clip(gain * clip, -1, 1), speaker=words)
        assert heard.text == words
        assert heard.confidence > 2 * MIN_CONFIDENCE


async def test_partials_grow_into_the_transcript(sphinx: Pocketsphinx) -> None:
    stream = sphinx.open("en", "s")
    clip, partials = speech.utterance(speech.go_forward()), set()
    for part in np.array_split(clip, 10):
        await feed(stream, part)
        partials.add(await stream.partial())
    await stream.close()
    assert "" in partials
    assert "Go forward ten meters" in partials


async def test_what_one_voice_taught_a_decoder_is_hidden_from_the_next(
    sphinx: Pocketsphinx,
) -> None:
    alone = await recognise(sphinx, speech.utterance(speech.librivox("0880")), "first")
    await recognise(sphinx, speech.utterance(speech.numbers()), "loud")
    await recognise(sphinx, speech.utterance(speech.front_center()), "other")
    after_others = await recognise(sphinx, speech.utterance(speech.librivox("0880")), "second")
    assert after_others == alone


async def test_what_a_voice_taught_is_kept_for_that_voice(sphinx: Pocketsphinx) -> None:
    first = await recognise(sphinx, speech.utterance(speech.librivox("0880")), "reader")
    again = await recognise(sphinx, speech.utterance(speech.librivox("0880")), "reader")
    assert again != first


async def test_speakers_at_the_same_time_do_not_mix(sphinx: Pocketsphinx) -> None:
    heard = await asyncio.gather(
        recognise(sphinx, speech.utterance(speech.go_forward()), "a"),
        recognise(sphinx, speech.utterance(speech.go_somewhere()), "b"),
        recognise(sphinx, speech.utterance(speech.numbers()), "c"),
    )
    assert [transcript.text for transcript in heard] == [
        "Go forward ten meters",
        "Go somewhere and do something",
        "Thirty three four or six ninety two",
    ]


async def test_a_speaker_may_go_on_after_finish(sphinx: Pocketsphinx) -> None:
    clip = speech.utterance(speech.go_somewhere())
    whole = await recognise(sphinx, clip, "one breath")
    stream = sphinx.open("en", "with pauses")
    for part in np.array_split(clip, 3):
        await feed(stream, part)
        interrupted = await stream.finish()
    await stream.close()
    assert interrupted == whole


async def test_a_finish_that_nobody_awaits_any_more_does_no_harm(sphinx: Pocketsphinx) -> None:
    stream = sphinx.open("en", "s")
    first, second = np.array_split(speech.utterance(speech.go_forward()), 2)
    await feed(stream, first)
    for _ in range(3):
        draft = asyncio.create_task(stream.finish())
        await asyncio.sleep(0.01)
        draft.cancel()
        await asyncio.gather(draft, return_exceptions=True)
    await feed(stream, second)
    assert (await stream.finish()).text == "Go forward ten meters"
    await stream.close()


async def test_a_killed_process_costs_no_utterance(sphinx: Pocketsphinx) -> None:
    stream = sphinx.open("en", "s")
    first, second = np.array_split(speech.utterance(speech.go_forward()), 2)
    await feed(stream, first)
    (pid,) = sphinx.pool.pids
    psutil.Process(pid).kill()
    await feed(stream, second)
    assert (await stream.finish()).text == "Go forward ten meters"
    await stream.close()
    assert sphinx.pool.pids != [pid]


async def test_more_voices_than_decoders_are_told_to_wait(sphinx: Pocketsphinx) -> None:
    talking = [sphinx.open("en", str(number)) for number in range(5)]
    for stream in talking:
        await feed(stream, speech.utterance(speech.go_forward()))
    outcomes = await asyncio.gather(
        *(stream.finish() for stream in talking), return_exceptions=True
    )
    assert sum(isinstance(outcome, StageBusy) for outcome in outcomes) == 1
    await asyncio.gather(*(stream.close() for stream in talking))
    assert (
        await recognise(sphinx, speech.utterance(speech.go_forward()))
    ).text == "Go forward ten meters"


async def test_nothing_fed_is_nothing_said(sphinx: Pocketsphinx) -> None:
    assert (await recognise(sphinx, np.zeros(0, np.float32))).text == ""
