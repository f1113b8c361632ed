"""pyannote, micro (see `tests.micro.pyannote`), in this process or behind HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import numpy as np
import psutil
import pytest
import pytest_asyncio
from demo.cast import CLAIRE, DAN, MAREK, PIERRE, Person

from babblefish import settings
from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.errors import StageBusy, StageDown, StageError
from babblefish.speaker import pyannote
from babblefish.speaker.base import NoVoice, SpeakerEncoder, Voiceprint
from babblefish.speaker.pyannote import Pyannote
from babblefish.speaker.remote import RemoteSpeakerEncoder
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES
from tests.micro.voices import speak
from tests.support import noise
from tests.support.stages import Stage, staged

# A process of pyannote takes long to start: it lives as long as this module, and its loop.
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
_AT_ONCE = 16
CAST = (PIERRE, DAN, MAREK, CLAIRE)


def micro(*flags: str) -> Pyannote:
    return pyannote.build(settings.load(["--models-dir", str(CHECKPOINTS), *flags]))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged("speaker", speaker="local:pyannote", models_dir=CHECKPOINTS) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def near() -> AsyncIterator[Pyannote]:
    engine = micro("--stage-queue", str(_AT_ONCE))
    await engine.start()
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def far(stage: Stage) -> AsyncIterator[RemoteSpeakerEncoder]:
    engine = RemoteSpeakerEncoder(stage.url, None)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture(params=["near", "far"])
def encoder(
    request: pytest.FixtureRequest, near: Pyannote, far: RemoteSpeakerEncoder
) -> SpeakerEncoder:
    return near if request.param == "near" else far


def says(person: Person, phrase: int) -> Samples:
    return speak(getattr(PHRASES[phrase], person.language), person.voice)


async def heard(encoder: SpeakerEncoder, person: Person, phrase: int) -> Voiceprint:
    return await encoder.embed(says(person, phrase))


async def test_a_voiceprint_is_of_unit_length(encoder: SpeakerEncoder) -> None:
    voiceprint = await heard(encoder, PIERRE, 0)
    assert voiceprint.shape == (512,)
    assert voiceprint.dtype == np.float32
    assert np.linalg.norm(voiceprint) == pytest.approx(1, abs=1e-5)


async def test_the_same_speech_gives_the_same_print(encoder: SpeakerEncoder) -> None:
    speech = says(DAN, 3)
    np.testing.assert_array_equal(await encoder.embed(speech), await encoder.embed(speech))


async def test_near_and_far_are_the_same(near: Pyannote, far: RemoteSpeakerEncoder) -> None:
    speech = says(DAN, 3)
    np.testing.assert_array_equal(await far.embed(speech), await near.embed(speech))
    assert (far.model, far.threshold) == (near.model, near.threshold)


async def test_it_says_which_space_its_prints_live_in(encoder: SpeakerEncoder) -> None:
    repository, _, digest = encoder.model.partition("@")
    assert repository == "pyannote/embedding"
    assert len(digest) == 12


async def test_pierre_dan_marek_and_claire_are_told_apart(encoder: SpeakerEncoder) -> None:
    phrases = (1, 5, 22, 11, 15, 21)
    prints = {p.name: [await heard(encoder, p, number) for number in phrases] for p in CAST}
    voices = {name: np.mean(own, axis=0) for name, own in prints.items()}
    right = []
    for name, own in prints.items():
        for voiceprint in own:
            cosines = {
                other: float(voiceprint @ voice / np.linalg.norm(voice))
                for other, voice in voices.items()
            }
            assert max(cosines, key=lambda other: cosines[other]) == name
            right += [(it > encoder.threshold) is (who == name) for who, it in cosines.items()]
    # espeak-ng never says a thing twice alike.
    assert np.mean(right) > 0.95


@pytest.mark.parametrize("seconds", [0, 0.2, 0.49])
async def test_too_short_is_nobody(encoder: SpeakerEncoder, seconds: float) -> None:
    with pytest.raises(NoVoice):
        await encoder.embed(says(PIERRE, 6)[: round(seconds * SAMPLE_RATE)])


async def test_silence_is_nobody(encoder: SpeakerEncoder) -> None:
    with pytest.raises(NoVoice):
        await encoder.embed(np.zeros(3 * SAMPLE_RATE, np.float32))


async def test_ten_minutes_are_refused(encoder: SpeakerEncoder) -> None:
    with pytest.raises(StageError, match="no utterance"):
        await encoder.embed(np.ones(600 * SAMPLE_RATE, np.float32))


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf])
async def test_what_is_no_sound_is_refused(encoder: SpeakerEncoder, sample: float) -> None:
    speech = says(PIERRE, 6)
    speech[100] = sample
    with pytest.raises(StageError, match="no sound"):
        await encoder.embed(speech)


@pytest.mark.parametrize("kind", noise.KINDS)
async def test_noise_is_a_print_or_nobody(
    encoder: SpeakerEncoder, kind: str, rng: np.random.Generator
) -> None:
    try:
        voiceprint = await encoder.embed(noise.KINDS[kind](3, rng))
    except NoVoice:
        return
    assert np.isfinite(voiceprint).all()


async def test_of_a_long_speech_the_beginning_is_heard(encoder: SpeakerEncoder) -> None:
    speech = np.tile(says(MAREK, 4), 15)
    assert len(speech) > 15 * SAMPLE_RATE
    whole = await encoder.embed(speech)
    np.testing.assert_array_equal(whole, await encoder.embed(speech[: 10 * SAMPLE_RATE]))


async def test_many_at_once_get_each_their_own(encoder: SpeakerEncoder) -> None:
    speeches = [says(person, number) for person in CAST for number in range(4)]
    alone = [await encoder.embed(speech) for speech in speeches]
    together = await asyncio.gather(*map(encoder.embed, speeches))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


async def test_the_loop_goes_on_meanwhile(encoder: SpeakerEncoder) -> None:
    ticks = 0
    embedding = asyncio.create_task(encoder.embed(np.tile(says(DAN, 4), 12)))
    while not embedding.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert ticks > 5


async def test_more_than_it_takes_is_refused(near: Pyannote) -> None:
    asked = (heard(near, DAN, number) for number in range(_AT_ONCE + 4))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, StageBusy) for answer in answers) == 4


async def test_who_leaves_harms_nobody(near: Pyannote) -> None:
    leaving = asyncio.create_task(heard(near, DAN, 1))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert len(await heard(near, DAN, 2)) == 512


async def test_a_dead_process_has_a_successor(near: Pyannote) -> None:
    speech = says(PIERRE, 1)
    before = await near.embed(speech)
    (pid,) = near.pids
    psutil.Process(pid).kill()
    with pytest.raises(StageDown):
        await near.embed(speech)
    impatient = asyncio.create_task(near.embed(speech))
    await asyncio.sleep(0.1)
    impatient.cancel()  # its successor starts all the same
    np.testing.assert_array_equal(await near.embed(speech), before)
    assert near.pids != [pid]


async def test_a_threshold_may_be_set(stage: Stage) -> None:
    assert micro("--speaker-threshold", "0.7").threshold == 0.7
    assert RemoteSpeakerEncoder(stage.url, 0.7).threshold == 0.7


async def test_before_a_stage_answers_nobody_is_anybody() -> None:
    encoder = RemoteSpeakerEncoder("http://127.0.0.1:1", None)
    assert (encoder.model, encoder.threshold) == ("", 1.0)
    with pytest.raises(StageDown, match="No speaker answers"):
        await encoder.embed(says(DAN, 1))
    await encoder.stop()


@pytest.mark.parametrize("body", [b"abc", bytes(2 << 20)])
async def test_a_stage_refuses_what_is_no_speech(stage: Stage, body: bytes) -> None:
    answer = httpx.post(f"{stage.url}/embed", content=body)
    assert answer.status_code == 400
