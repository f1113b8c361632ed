"""F5, micro (see `tests.micro.f5`), in its own process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio
from demo.cast import DAN, PIERRE, Person

from babblefish import settings
from babblefish.audio import SAMPLE_RATE, Audio
from babblefish.cloner import f5
from babblefish.cloner.base import Cloner, Reference
from babblefish.cloner.f5 import F5
from babblefish.errors import StageBusy, StageDown, StageFailed
from babblefish.stage import engines
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES
from tests.micro.voices import speak

# Its process takes long to start: it lives as long as this module, and its loop.
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

_AT_ONCE = 4
TEXT = "The project is almost finished."


def micro(*flags: str) -> F5:
    return f5.build(settings.load(["--models-dir", str(CHECKPOINTS), "--threads", "1", *flags]))


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def cloner() -> AsyncIterator[F5]:
    engine = micro("--stage-queue", str(_AT_ONCE))
    await engine.start()
    yield engine
    await engine.stop()


def reference(person: Person, phrases: int = 2, id_: str = "") -> Reference:
    text = " ".join(getattr(phrase, person.language) for phrase in PHRASES[:phrases])
    speech = Audio(speak(text, person.voice), SAMPLE_RATE)
    return Reference(id_ or f"{person.name}'s", speech, text, person.language)


def rms(audio: Audio) -> float:
    return float(np.sqrt(np.mean(audio.samples**2)))


async def test_it_is_a_cloner_that_says_what_it_speaks(cloner: F5) -> None:
    typed: Cloner = cloner
    assert dict(typed.languages) == {"en": "MIT", "fr": "MIT", "pl": "MIT"}
    assert (typed.device, typed.capacity) == ("cpu", 1)


async def test_speech_lasts_as_long_as_its_text(cloner: F5) -> None:
    person = reference(PIERRE)
    short, long = [await cloner.speak(text, "en", person) for text in (TEXT, f"{TEXT} {TEXT}")]
    assert short.sample_rate == 24_000
    assert short.samples.dtype == np.float32
    assert long.seconds == pytest.approx(2 * short.seconds, rel=0.2)
    pace = len(TEXT) / len(person.text)
    assert short.seconds == pytest.approx(pace * person.audio.seconds, rel=0.25)


async def test_it_is_speech_and_as_loud_as_the_person(cloner: F5) -> None:
    person = reference(DAN)
    audio = await cloner.speak(TEXT, "fr", person)
    assert np.isfinite(audio.samples).all()
    assert np.abs(audio.samples).max() <= 1
    assert rms(person.audio) / 4 < rms(audio) < 4 * rms(person.audio)


async def test_the_same_sentence_sounds_the_same(cloner: F5) -> None:
    first, again = [await cloner.speak(TEXT, "en", reference(DAN, id_="d")) for _ in range(2)]
    np.testing.assert_array_equal(first.samples, again.samples)


async def test_two_voices_do_not_sound_the_same(cloner: F5) -> None:
    pierre, dan = [await cloner.speak(TEXT, "en", reference(who)) for who in (PIERRE, DAN)]
    length = min(len(pierre.samples), len(dan.samples))
    assert not np.allclose(pierre.samples[:length], dan.samples[:length], atol=1e-3)


async def test_a_long_text_is_spoken_in_pieces(cloner: F5) -> None:
    text = " ".join(phrase.en for phrase in PHRASES[:14])
    person = reference(DAN, phrases=5)
    audio = await cloner.speak(text, "en", person)
    expected = person.audio.seconds * len(text) / len(person.text)
    assert audio.seconds > 22 - person.audio.seconds  # longer than it speaks at a time
    assert audio.seconds == pytest.approx(expected, rel=0.3)


async def test_a_reference_is_sent_to_its_process_once(cloner: F5) -> None:
    """With the same id it is the same: no sound of it is looked at again."""
    person = reference(DAN, id_="once")
    first = await cloner.speak(TEXT, "en", person)
    silent = Reference("once", Audio(np.zeros(9, np.float32), SAMPLE_RATE), "x", "en")
    again = await cloner.speak(TEXT, "en", silent)
    np.testing.assert_array_equal(first.samples, again.samples)


async def test_what_is_forgotten_is_gone(cloner: F5) -> None:
    await cloner.speak(TEXT, "en", reference(DAN, id_="gone"))
    await cloner.forget(["gone", "never known"])
    silent = Reference("gone", Audio(np.zeros(9, np.float32), SAMPLE_RATE), "x", "en")
    with pytest.raises(StageFailed, match="without speech or text"):
        await cloner.speak(TEXT, "en", silent)


async def test_a_language_without_a_checkpoint_is_refused(cloner: F5) -> None:
    with pytest.raises(StageFailed, match="No checkpoint here speaks 'ja'"):
        await cloner.speak(TEXT, "ja", reference(DAN))


async def test_an_adapter_of_another_network_changes_nothing(cloner: F5) -> None:
    bare = reference(DAN, id_="bare")
    odd = Reference("odd", bare.audio, bare.text, "en", adapter=b"no adapter")
    first, again = [await cloner.speak(TEXT, "en", each) for each in (bare, odd)]
    np.testing.assert_array_equal(first.samples, again.samples)


async def test_one_more_than_may_wait_is_refused_at_once(cloner: F5) -> None:
    person = reference(DAN)
    asked = [asyncio.create_task(cloner.speak(TEXT, "en", person)) for _ in range(_AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(StageBusy):
        await cloner.speak(TEXT, "en", person)
    assert all(audio.seconds for audio in await asyncio.gather(*asked))


async def test_it_tells_how_much_memory_there_is(cloner: F5) -> None:
    memory = await cloner.memory()
    assert 0 < memory.used < memory.total
    assert memory.free == memory.total - memory.used


async def test_one_that_was_killed_is_replaced_and_learns_again(cloner: F5) -> None:
    person = reference(DAN, id_="again")
    before = await cloner.speak(TEXT, "en", person)
    (pid,) = cloner.pids
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(StageDown):
        while True:
            await cloner.speak(TEXT, "en", person)
    after = await cloner.speak(TEXT, "en", person)
    np.testing.assert_array_equal(after.samples, before.samples)
    assert cloner.pids != [pid]


async def test_one_that_hangs_is_killed(cloner: F5, monkeypatch: pytest.MonkeyPatch) -> None:
    await cloner.speak(TEXT, "en", reference(DAN))
    (pid,) = cloner.pids
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(f5, "_HUNG_S", 0.5)
    with pytest.raises(StageDown, match="hangs"):
        await cloner.speak(TEXT, "en", reference(DAN))
    assert cloner.pids == []


async def test_it_is_found_by_its_name() -> None:
    built = engines.build("cloner", "local:f5", settings.load(["--models-dir", str(CHECKPOINTS)]))
    assert isinstance(built, F5)
