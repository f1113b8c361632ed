"""A phone that drops and comes back: nothing lost, nothing twice, in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import numpy as np
import pytest

from babblefish.audio import SAMPLE_RATE, to_pcm16
from tests.support import speech
from tests.support.phone import Message, Phone, connected, joined
from tests.support.server import Server, serving


async def welcome(phone: Phone) -> Message:
    return phone.all("joined")[0]


def drop(phone: Phone) -> None:
    """The network is gone: no close, no good-bye."""
    phone.socket.transport.abort()


def last_seq(phone: Phone) -> int:
    return max(int(message["seq"]) for message in phone.told)


@contextlib.asynccontextmanager
async def resumed(url: str, former: Phone, seq: int | None = None) -> AsyncIterator[Phone]:
    """The same phone on a new socket."""
    told = await welcome(former)
    me = next(p for p in told["participants"] if p["client_id"] == told["client_id"])
    async with joined(
        url,
        told["session"],
        me["name"],
        me["language"],
        resume=told["resume_token"],
        last_seq=last_seq(former) if seq is None else seq,
    ) as phone:
        yield phone


async def test_who_comes_back_is_the_same_and_gets_what_was_missed(
    server: Server, session: str
) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        async with joined(server.ws, session, "Ana", "es") as ana:
            await dan.send(type="text", text="first")
            await ana.receive("result", transcript="first")
            drop(ana)
        for text in ("second", "third"):
            await dan.send(type="text", text=text)
            await dan.receive("partial", text=text)
        async with resumed(server.ws, ana) as back:
            await dan.send(type="text", text="fourth")
            await back.receive("result", transcript="fourth")
            assert (await welcome(back))["client_id"] == (await welcome(ana))["client_id"]
            told = [m["transcript"] for m in [*ana.told, *back.told] if m["type"] == "result"]
            assert told == ["first", "second", "third", "fourth"]
            missed = [message["seq"] for message in back.told]
            assert missed == list(range(last_seq(ana), last_seq(ana) + len(missed)))
        assert len(dan.all("participants")[-1]["participants"]) == 2  # Dan never saw her go


async def test_what_was_sent_but_not_received_is_sent_again(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        async with joined(server.ws, session, "Ana", "es") as ana:
            for text in ("first", "second"):
                await dan.send(type="text", text=text)
                await ana.receive("result", transcript=text)
            seen = next(m["seq"] for m in ana.all("result") if m["transcript"] == "first")
            drop(ana)
        async with resumed(server.ws, ana, seq=seen) as back:
            assert (await back.receive("result"))["transcript"] == "second"


@pytest.mark.slow
async def test_a_sentence_that_the_drop_cut_in_two_is_one_sentence(
    server: Server, session: str
) -> None:
    pcm = to_pcm16(np.concatenate([speech.go_forward(), speech.silence(1)]))
    async with joined(server.ws, session, "Ana", "es") as ana:
        async with joined(server.ws, session, "Dan", "en") as dan:
            await dan.stream(speech.go_forward()[: round(1.4 * SAMPLE_RATE)])
            drop(dan)
        await asyncio.sleep(1.5)  # longer than a silence that would end the sentence
        async with resumed(server.ws, dan) as back:
            received = (await welcome(back))["received"]
            assert 0 < received <= 2 * round(1.4 * SAMPLE_RATE)
            await back.socket.send(pcm[received:])
            result = await ana.receive("result")
            assert result["transcript"] == "Go forward ten meters"
            settled = await back.receive("received")
            assert received < settled["bytes"] <= len(pcm)
        assert len(ana.all("result")) == 1


@pytest.mark.slow
async def test_who_does_not_come_back_is_heard_as_far_as_they_got(
    server: Server, session: str
) -> None:
    async with joined(server.ws, session, "Ana", "es") as ana:
        async with joined(server.ws, session, "Dan", "en") as dan:
            await dan.stream(speech.go_forward()[: round(2.3 * SAMPLE_RATE)])
            drop(dan)
        assert (await ana.receive("result"))["transcript"].startswith("Go forward ten")


async def test_the_newer_socket_wins(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan, resumed(server.ws, dan) as newer:
        assert await dan.closed() == (4409, "replaced")
        await newer.send(type="ping", id=1)
        await newer.receive("pong", id=1)


async def test_a_socket_that_still_seems_alive_takes_nothing_from_the_newer_one(
    server: Server, session: str
) -> None:
    """A phone is often back before the gateway can know that its old socket is dead."""
    async with (
        joined(server.ws, session, "Dan", "en") as dan,
        joined(server.ws, session, "Ana", "es") as ana,
    ):
        start = last_seq(ana)
        for number in range(20):
            await dan.send(type="text", text=str(number))
        await ana.receive("result", transcript="19")
        async with resumed(server.ws, ana, seq=start) as newer:
            await newer.receive("result", transcript="19")
            told = [result["transcript"] for result in newer.all("result")]
            assert told == [str(number) for number in range(20)]


async def test_a_token_is_good_until_the_next_one_is_used(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        pass
    client = (await welcome(dan))["client_id"]
    async with resumed(server.ws, dan) as unused:
        drop(unused)  # perhaps the answer never reached the phone
    async with resumed(server.ws, dan) as used:
        assert (await welcome(used))["client_id"] == client
        await used.send(type="ping")
        await used.receive("pong")
        drop(used)
    async with resumed(server.ws, dan) as stranger:
        assert (await welcome(stranger))["client_id"] != client
    async with resumed(server.ws, used) as again:
        assert (await welcome(again))["client_id"] == client


@pytest.mark.parametrize("change", [{"last_seq": 10**6}, {"resume": "guess"}])
async def test_what_cannot_be_resumed_is_a_new_participant(
    server: Server, session: str, change: dict[str, object]
) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        token = (await welcome(dan))["resume_token"]
        drop(dan)
    fields = {"resume": token, "last_seq": 1, **change}
    async with joined(server.ws, session, "Dan", "en", **fields) as other:
        assert (await welcome(other))["client_id"] != (await welcome(dan))["client_id"]
        assert (await welcome(other))["received"] == 0


async def test_a_token_of_one_session_opens_no_other(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        token = (await welcome(dan))["resume_token"]
        async with joined(server.ws, session + "-b", "Dan", "en", resume=token) as other:
            assert (await welcome(other))["client_id"] != (await welcome(dan))["client_id"]


async def test_a_text_sent_again_is_said_once(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan = await stack.enter_async_context(joined(server.ws, session, "Dan", "en"))
        ana = await stack.enter_async_context(joined(server.ws, session, "Ana", "es"))
        for text_id in ("a", "a", "b"):
            await dan.send(type="text", text="house", id=text_id)
        await dan.receive("partial", text_id="a")
        await dan.receive("partial", text_id="b")
        await dan.send(type="text", text="last")
        await ana.receive("result", transcript="last")
        assert [result["transcript"] for result in ana.all("result")] == ["house", "house", "last"]


@pytest.mark.slow
async def test_a_seat_is_given_up_after_a_while_or_at_once_on_leaving(session: str) -> None:
    with serving(resume_s=1, warm_up=False) as short:
        async with joined(short.ws, session, "Ana", "es") as ana:
            for leaves in (True, False):
                async with joined(short.ws, session, "Dan", "en") as dan:
                    await ana.receive("participants")
                    if leaves:
                        await dan.send(type="leave")
                        assert (await dan.closed())[0] == 1000
                    drop(dan)
                while len((await ana.receive("participants"))["participants"]) > 1:
                    pass
                async with resumed(short.ws, dan) as late:
                    assert (await welcome(late))["client_id"] != (await welcome(dan))["client_id"]
                    await late.send(type="leave")
                while len((await ana.receive("participants"))["participants"]) > 1:
                    pass


@pytest.mark.slow
async def test_an_outbox_that_lost_something_is_not_resumed(session: str) -> None:
    with serving(outbox_bytes=1 << 16, warm_up=False) as small:
        async with connected(small.ws) as ana, joined(small.ws, session, "Dan", "en") as dan:
            await ana.send(type="join", session=session, name="Ana", language="es")
            await ana.receive("joined")
            drop(ana)
            for number in range(150):
                await dan.send(type="text", text=f"{number} {'x' * 1000}")
            await dan.receive("partial", deadline_s=30, text=f"149 {'x' * 1000}")
            async with resumed(small.ws, ana) as back:
                assert (await welcome(back))["client_id"] != (await welcome(ana))["client_id"]
