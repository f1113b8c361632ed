"""Laptops come, are asked, and go at any time: a sentence is cloned in time, or not at all."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from babblefish.audio import from_wav, to_wav
from babblefish.cloner import wire
from babblefish.errors import StageError
from babblefish.gateway.bus import CloneJob, Equipped
from babblefish.gateway.laptop_line import LineLost
from tests.support.employer import Employer, employing, raw_laptop
from tests.support.laptop import Laptop, ScriptedCloner, laptop, tone


@pytest.fixture
async def employer() -> AsyncIterator[Employer]:
    async with employing() as running:
        running.voices.say_yes("pierre")
        yield running


async def started(
    stack: AsyncExitStack, employer: Employer, *cloners: ScriptedCloner
) -> list[Laptop]:
    """Ready laptops, called `0`, `1` …"""
    laptops = [
        await stack.enter_async_context(laptop(employer.url, cloner, accelerator_name=str(number)))
        for number, cloner in enumerate(cloners)
    ]
    await employer.ready(len(cloners))
    return laptops


def taken(employer: Employer, job: CloneJob) -> "asyncio.Future[bytes]":
    coming = employer.accelerators.take(job)
    assert coming
    return coming


async def test_a_sentence_is_spoken_in_its_speakers_voice(employer: Employer) -> None:
    async with AsyncExitStack() as stack:
        (mine,) = await started(stack, employer, ScriptedCloner())
        wav = await taken(employer, employer.job("va de frente"))
        assert from_wav(wav, 10).seconds == pytest.approx(tone("va de frente").seconds)
        ((text, language, reference),) = mine.cloner.spoken
        assert (text, language, reference.text) == ("va de frente", "es", "house")
        assert reference.id == employer.voices.references["pierre"].id


async def test_a_voice_is_sent_to_a_laptop_once_until_it_changes(employer: Employer) -> None:
    sent: list[bool] = []
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        for _ in range(2):
            coming = [taken(employer, employer.job()) for _ in range(3)]
            for _ in coming:
                request = await raw.hears("tts_request")
                sent.append(request["reference"] is not None)
                await raw.say(wire.Result(request["request_id"], to_wav(tone("va de frente"))))
            await asyncio.gather(*coming)
            employer.voices.say_yes("pierre")
    assert sent == [True, False, False, True, False, False]
    assert employer.voices.laptops["raw"] == {"pierre"}


async def test_a_voice_that_a_laptop_let_go_of_is_sent_again(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        for _ in range(2):
            coming = taken(employer, employer.job())
            request = await raw.hears("tts_request")
            if request["reference"] is None:
                await raw.say(wire.Failure(request["request_id"], "This voice is not known."))
                request = await raw.hears("tts_request")
                assert request["reference"]
            await raw.say(wire.Result(request["request_id"], to_wav(tone("va de frente"))))
            await coming


@pytest.mark.parametrize(
    "impossible", [{"language": "fr"}, {"within_s": 0.01}, {"text": "very long " * 200}]
)
async def test_what_no_laptop_can_do_in_time_is_not_taken(
    employer: Employer, impossible: dict[str, str]
) -> None:
    assert employer.accelerators.take(employer.job()) is None
    async with AsyncExitStack() as stack:
        await started(stack, employer, ScriptedCloner())
        assert employer.accelerators.take(employer.job(**impossible)) is None  # type: ignore[arg-type]


async def test_who_is_done_first_is_asked(employer: Employer) -> None:
    """By the measured speed of each and what it has to do already."""
    async with AsyncExitStack() as stack:
        slow, fast = ScriptedCloner(seconds=0.6), ScriptedCloner(seconds=0.05)
        await started(stack, employer, slow, fast)
        await asyncio.gather(*(taken(employer, employer.job()) for _ in range(2)))
        assert (len(slow.spoken), len(fast.spoken)) == (1, 1)
        await asyncio.gather(*(taken(employer, employer.job()) for _ in range(4)))
        assert (len(slow.spoken), len(fast.spoken)) == (1, 5)


async def test_a_queue_ends_where_the_deadline_is(employer: Employer) -> None:
    async with AsyncExitStack() as stack:
        await started(stack, employer, ScriptedCloner(seconds=0.3))
        await taken(employer, employer.job())
        coming = [employer.accelerators.take(employer.job(within_s=1)) for _ in range(10)]
        accepted = [future for future in coming if future]
        assert 2 <= len(accepted) <= 4
        assert coming[len(accepted) :] == [None] * (10 - len(accepted))
        await asyncio.wait(accepted)


async def test_the_work_of_a_laptop_that_vanishes_is_anothers(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        coming = taken(employer, employer.job())
        await raw.hears("tts_request")
        async with AsyncExitStack() as stack:
            other = ScriptedCloner()
            await stack.enter_async_context(laptop(employer.url, other))
            await employer.ready(2)
            raw.socket.transport.abort()
            assert from_wav(await coming, 10).seconds
            assert len(other.spoken) == 1


async def test_without_another_laptop_it_fails_at_once(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        coming = taken(employer, employer.job(within_s=60))
        await raw.hears("tts_request")
        raw.socket.transport.abort()
        with pytest.raises(StageError):
            await asyncio.wait_for(coming, 5)


async def test_what_a_laptop_returns_is_anothers(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw, AsyncExitStack() as stack:
        await employer.ready(1)
        coming = taken(employer, employer.job())
        request = await raw.hears("tts_request")
        await stack.enter_async_context(laptop(employer.url))
        await employer.ready(2)
        await raw.say(wire.Leaving())
        await raw.say(wire.Failure(request["request_id"], returned=True))
        assert await coming
        await employer.ready(1)
        assert await taken(employer, employer.job())


@pytest.mark.slow
async def test_a_laptop_that_hangs_is_not_waited_for_if_another_can(employer: Employer) -> None:
    async with raw_laptop(employer.url, "hung") as raw, AsyncExitStack() as stack:
        await employer.ready(1)
        coming = taken(employer, employer.job(within_s=5))
        request = await raw.hears("tts_request")
        await stack.enter_async_context(laptop(employer.url))
        await employer.ready(2)
        assert await coming
        cancel = await raw.hears("cancel")
        assert cancel["request_id"] == request["request_id"]


async def test_after_the_deadline_nobody_gets_it(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        began = time.monotonic()
        coming = taken(employer, employer.job(within_s=0.7))
        request = await raw.hears("tts_request")
        assert 0 < request["deadline_ms"] <= 700
        with pytest.raises(TimeoutError):
            await coming
        assert time.monotonic() - began < 2
        assert (await raw.hears("cancel"))["request_id"] == request["request_id"]
        late = wire.Result(request["request_id"], to_wav(tone("va de frente")))
        for _ in range(3):  # once it may have crossed the `cancel`
            await raw.say(late)
        await employer.until(lambda: employer.the("raw")._line._strikes == 2)


async def test_what_nobody_wants_any_more_is_cancelled(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        coming = taken(employer, employer.job())
        request = await raw.hears("tts_request")
        coming.cancel()
        assert (await raw.hears("cancel"))["request_id"] == request["request_id"]
        assert not len(employer.the("raw").workload)
        taken(employer, employer.job()).cancel()  # before anything was asked
        await employer.until(lambda: not len(employer.the("raw").workload))


async def test_phones_learn_which_laptops_there_are(employer: Employer) -> None:
    with employer.bus.subscribe("room") as events:
        async with AsyncExitStack() as stack:
            await started(stack, employer, ScriptedCloner(languages={"es": "MIT", "??": "none"}))
            assert await anext(events) == Equipped(1, ["es"])
            assert len(employer.censuses) == 1
        assert await anext(events) == Equipped(0, [])


async def test_two_laptops_of_one_name_are_two(employer: Employer) -> None:
    async with raw_laptop(employer.url, "box"), raw_laptop(employer.url, "box"):
        await employer.ready(2)
        assert sorted(laptop.name for laptop in employer.accelerators.all) == ["box", "box 2"]


@pytest.mark.slow
async def test_of_two_laptops_one_dies_with_ten_sentences_in_flight(employer: Employer) -> None:
    """Each is cloned by the other, or given up: nobody waits for longer than the deadline."""
    async with AsyncExitStack() as dying, AsyncExitStack() as living:
        victim, other = ScriptedCloner(seconds=0.3), ScriptedCloner(seconds=0.3)
        await started(dying, employer, victim)
        await living.enter_async_context(laptop(employer.url, other))
        await employer.ready(2)
        coming = [taken(employer, employer.job(f"oraciones {n}")) for n in range(10)]
        await victim.begun.wait()
        await dying.aclose()
        _, waiting = await asyncio.wait(coming, timeout=6)
        assert not waiting
        cloned = [future for future in coming if not future.exception()]
        assert len(cloned) >= 5
        assert {type(future.exception()) for future in coming} <= {
            type(None),
            LineLost,
            TimeoutError,
        }


async def test_two_laptops_share_the_work(employer: Employer) -> None:
    async with AsyncExitStack() as stack:
        one, other = ScriptedCloner(seconds=0.05), ScriptedCloner(seconds=0.05)
        await started(stack, employer, one, other)
        await asyncio.gather(*(taken(employer, employer.job(within_s=60)) for _ in range(20)))
        assert 8 <= len(one.spoken) <= 12
        assert len(one.spoken) + len(other.spoken) == 20


@pytest.mark.slow
async def test_many_come_and_go_and_leave_nothing_behind(employer: Employer) -> None:
    async def come_and_go() -> None:
        async with raw_laptop(employer.url) as raw:
            raw.socket.transport.abort()

    await come_and_go()
    await employer.until(lambda: not employer.accelerators.all)
    before = len(asyncio.all_tasks())
    for _ in range(20):
        await asyncio.gather(*(come_and_go() for _ in range(10)))
    await employer.until(lambda: not employer.accelerators.all)
    await employer.until(lambda: len(asyncio.all_tasks()) <= before + 2)
