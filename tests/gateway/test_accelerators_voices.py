"""Whose yes is gone, is gone from every laptop: at once, or before it serves again."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from babblefish.audio import to_wav
from babblefish.cloner import wire
from babblefish.errors import StageError
from tests.gateway.test_accelerators import taken
from tests.support.employer import Employer, dialled, employing, raw_laptop
from tests.support.laptop import ScriptedCloner, laptop, tone


@pytest.fixture
async def employer() -> AsyncIterator[Employer]:
    async with employing() as running:
        for voice in ("pierre", "marek"):
            running.voices.say_yes(voice)
        yield running


@pytest.mark.parametrize("ring", [True, False])
async def test_a_no_reaches_a_laptop_at_once(employer: Employer, ring: bool) -> None:
    """From this process, and from another, which can ring no bell."""
    cloner = ScriptedCloner()
    async with laptop(employer.url, cloner, accelerator_name="box") as running:
        await employer.ready(1)
        for voice in ("pierre", "marek"):
            await taken(employer, employer.job(voice=voice))
        assert employer.voices.laptops["box"] == {"pierre", "marek"}
        began = time.monotonic()
        employer.voices.say_no("pierre", ring=ring)
        await employer.until(lambda: employer.voices.laptops["box"] == {"marek"})
        assert time.monotonic() - began < (1 if ring else 3)
        held = running.accelerator._laptop.held
        assert held.speakers == {"marek"}
        assert cloner.known == {employer.voices.references["marek"].id}


async def test_what_was_to_be_said_in_that_voice_is_not(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        coming = taken(employer, employer.job())
        request = await raw.hears("tts_request")
        employer.voices.say_no("pierre")
        assert (await raw.hears("purge"))["speaker_ids"] == ["pierre"]
        with pytest.raises(StageError):
            await coming
        await raw.say(wire.Result(request["request_id"], to_wav(tone("va de frente"))))
        employer.voices.say_yes("pierre")  # changes their mind before the laptop is done
        assert employer.accelerators.take(employer.job()) is None
        await raw.say(wire.Purged(["pierre"]))
        await employer.until(lambda: employer.accelerators.take(employer.job()) is not None)
        assert (await raw.hears("tts_request"))["reference"]


async def test_a_laptop_that_was_away_is_told_before_it_serves(employer: Employer) -> None:
    async with dialled(employer.url) as raw:
        welcome = await raw.hello("box", "pierre", "gone")
        assert welcome["keep"] == ["pierre"]
        assert employer.voices.laptops["box"] == {"pierre", "gone"}
        assert not employer.accelerators.equipped().laptops
        await raw.say(wire.Ready())
        await employer.ready(1)
        assert employer.voices.laptops["box"] == {"pierre"}
        employer.voices.say_no("pierre")
        assert (await raw.hears("purge"))["speaker_ids"] == ["pierre"]


async def test_a_laptop_that_comes_with_nothing_has_nothing(employer: Employer) -> None:
    employer.voices.laptops["box"] = {"pierre"}
    async with raw_laptop(employer.url, "box"):
        await employer.ready(1)
        assert employer.voices.laptops["box"] == set()


@pytest.mark.slow
async def test_a_laptop_that_does_not_confirm_is_hung_up_on(employer: Employer) -> None:
    async with raw_laptop(employer.url, "box") as raw:
        await employer.ready(1)
        taken(employer, employer.job())
        await raw.hears("tts_request")
        employer.voices.say_no("pierre")
        await raw.hears("purge")
        await raw.say(wire.Purged(["somebody else"]))
        await raw.closed()
        assert employer.voices.laptops["box"] == {"pierre"}


async def test_a_hundred_nos_at_once_are_told_in_pieces(employer: Employer) -> None:
    voices = [f"voice {number}" for number in range(100)]
    for voice in voices:
        employer.voices.say_yes(voice)
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        for voice in voices:
            coming = taken(employer, employer.job(voice=voice))
            request = await raw.hears("tts_request")
            await raw.say(wire.Result(request["request_id"], to_wav(tone("va de frente"))))
            await coming
        for voice in voices:
            employer.voices.say_no(voice)
        told = list[str]()
        while len(told) < len(voices):
            purge = await raw.hears("purge")
            assert len(purge["speaker_ids"]) <= wire.MAX_VOICES
            told += purge["speaker_ids"]
            await raw.say(wire.Purged(purge["speaker_ids"]))
        assert sorted(told) == sorted(voices)
        await employer.until(lambda: not employer.voices.laptops["raw"])


async def test_nobody_is_sent_who_did_not_say_yes(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        coming = taken(employer, employer.job(voice="dan"))
        with pytest.raises(StageError):
            await coming
        assert employer.voices.laptops["raw"] == set()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await raw.hears("tts_request")
