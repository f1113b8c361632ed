"""What a laptop says is its own word: it costs the laptop, never a listener."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

import numpy as np
import pytest
import websockets

from babblefish.audio import Audio, to_wav
from babblefish.cloner import wire
from babblefish.cloner.base import Memory
from babblefish.errors import StageError
from babblefish.gateway.accelerators import MAX_LAPTOPS
from tests.gateway.test_accelerators import taken
from tests.support.employer import Employer, dialled, employing, raw_laptop
from tests.support.laptop import tone

GOOD = to_wav(tone("va de frente"))


@pytest.fixture
async def employer() -> AsyncIterator[Employer]:
    async with employing() as running:
        running.voices.say_yes("pierre")
        yield running


def wav(level: float, seconds: float = 1.0, offset: float = 0.0) -> bytes:
    at = np.arange(round(seconds * 24_000)) / 24_000
    return to_wav(Audio((level * np.sin(1382 * at) + offset).astype(np.float32), 24_000))


def header(**fields: int) -> bytes:
    """A WAV file of another form."""
    form = {"kind": 1, "channels": 1, "rate": 24_000, "bits": 16, **fields}
    packed = struct.pack(
        "<HHIIHH", form["kind"], form["channels"], form["rate"], 48_000, 2, form["bits"]
    )
    return GOOD[:20] + packed + GOOD[36:]


@pytest.mark.parametrize(
    "audio",
    [
        b"",
        b"no sound",
        GOOD[:40],
        header(kind=3, bits=32),
        header(channels=2),
        header(rate=1_000_000),
        wav(0.0),
        wav(1e-5),
        wav(9.0),
        wav(0.8),
        wav(0.1, offset=0.2),
        wav(0.2, seconds=50),
        wav(0.2, seconds=0.02),
    ],
)
async def test_audio_that_is_no_speech_is_refused(employer: Employer, audio: bytes) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        coming = taken(employer, employer.job())
        request = await raw.hears("tts_request")
        await raw.say(wire.Result(request["request_id"], audio))
        with pytest.raises(StageError):
            await coming
        assert employer.the("raw").workload._failures == 1


async def test_who_errs_again_and_again_is_asked_less(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        for _ in range(2):
            await employer.until(lambda: employer.the("raw").able(employer.job()))
            coming = taken(employer, employer.job())
            request = await raw.hears("tts_request")
            await raw.say(wire.Result(request["request_id"], b""))
            with pytest.raises(StageError):
                await coming
            assert employer.accelerators.take(employer.job()) is None


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[]",
        "{}",
        '{"type":"dance"}',
        '{"type":"tts_result"}',
        '{"type":"tts_result","request_id":"1","audio":"not base64!"}',
        '{"type":"purged","speaker_ids":3}',
        "[" * 100_000,
        wire.encode(wire.Result("never asked", GOOD)),
        wire.encode(wire.Failure("never asked")),
        wire.encode(wire.Ready()),
        b"binary",
    ],
)
async def test_nonsense_is_borne_twenty_times(employer: Employer, said: str | bytes) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        for _ in range(19):
            await raw.socket.send(said)
        coming = taken(employer, employer.job())
        request = await raw.hears("tts_request")
        await raw.say(wire.Result(request["request_id"], GOOD))
        assert await coming
        await raw.socket.send(said)
        assert await raw.closed() == 1008


async def test_the_same_answer_twice_counts_once(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        await employer.ready(1)
        coming = taken(employer, employer.job())
        request = await raw.hears("tts_request")
        for audio in (GOOD, wav(0.2)):
            await raw.say(wire.Result(request["request_id"], audio))
        assert await coming == GOOD
        await employer.until(lambda: employer.the("raw")._line._strikes == 1)


async def test_a_flood_ends_the_line(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        load = wire.encode(wire.Load(Memory(1, 1)))
        with contextlib.suppress(websockets.ConnectionClosed):
            for _ in range(10_000):
                await raw.socket.send(load)
        await employer.until(lambda: not employer.accelerators.all)


async def test_a_frame_that_is_too_large_ends_the_line(employer: Employer) -> None:
    async with raw_laptop(employer.url) as raw:
        with pytest.raises(websockets.ConnectionClosed):
            await raw.socket.send("x" * (5 << 20))
            await raw.closed()
            await raw.socket.send("still there?")


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        ("wrong", {}),
        ("", {}),
        ("é", {}),
        ("the laptops' own secret", {"Origin": "http://127.0.0.1:9000"}),
        ("the laptops' own secret", {"Origin": "null"}),
    ],
)
async def test_who_may_not_call_is_told_so(
    employer: Employer, token: str, headers: dict[str, str]
) -> None:
    with pytest.raises((websockets.InvalidStatus, UnicodeEncodeError)) as refused:
        async with dialled(employer.url, token, **headers):
            pass
    if isinstance(refused.value, websockets.InvalidStatus):
        assert refused.value.response.status_code == 403


async def test_without_a_secret_only_this_machine_may_call() -> None:
    async with employing(accelerator_token=None) as employer:
        async with dialled(employer.url, token="") as raw:
            assert await raw.hello()
        with pytest.raises(websockets.InvalidStatus):
            async with dialled(employer.url, token="", X_Forwarded_For="127.0.0.1"):
                pass


async def test_who_says_nothing_is_hung_up_on() -> None:
    async with employing(join_timeout_s=0.2) as employer, dialled(employer.url) as raw:
        await raw.closed()


async def test_another_protocol_is_not_understood(employer: Employer) -> None:
    async with dialled(employer.url) as raw:
        await raw.say(wire.Hello("raw", "cpu", Memory(), 1, {"es": "MIT"}, protocol=2))
        assert await raw.closed() == 1008


async def test_there_is_room_for_so_many(employer: Employer) -> None:
    lines = [dialled(employer.url) for _ in range(MAX_LAPTOPS + 1)]
    try:
        for line in lines[:-1]:
            await (await line.__aenter__()).hello()
        last = await lines[-1].__aenter__()
        await last.say(wire.Hello("one too many", "cpu", Memory(), 1, {"es": "MIT"}))
        assert await last.closed() == 1013
    finally:
        await asyncio.gather(*(line.__aexit__(None, None, None) for line in lines))
