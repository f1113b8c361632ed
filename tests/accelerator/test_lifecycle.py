"""A laptop comes, goes and comes back, whatever the gateway does."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest
import structlog.testing

from babblefish.cloner.wire import Hello, Result
from tests.accelerator.gateway import Gateway, gateway, reference, request
from tests.support.laptop import Laptop, ScriptedCloner, laptop


@pytest.fixture
async def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """It dials again at once: not the time is tested, but what is left behind."""
    monkeypatch.setattr("babblefish.accelerator.backoff.SHORTEST_S", 0.001)
    monkeypatch.setattr("babblefish.accelerator.backoff.LONGEST_S", 0.01)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
async def test_two_hundred_lines_later_nothing_is_left_of_them(server: Gateway) -> None:
    async with laptop(server.url) as running:
        for _ in range(5):
            await _used_and_dropped(server)
        line = await server.welcomed()
        tasks, files = len(asyncio.all_tasks()), open_files()
        line.drop()
        for _ in range(200):
            await _used_and_dropped(server)
        await server.welcomed()
        assert len(asyncio.all_tasks()) <= tasks
        assert open_files() <= files
        assert running.cloner.at_once == 0


async def _used_and_dropped(server: Gateway) -> None:
    line = await server.welcomed()
    for _ in range(3):
        await line.say(request(sent=reference(seconds=0.1)))
    await line.hear(Result)
    line.drop()


@pytest.mark.usefixtures("hasty")
async def test_it_waits_for_a_gateway_that_is_not_up_yet() -> None:
    async with gateway() as first:
        port = first.port
    async with laptop(first.url) as running:
        await asyncio.sleep(0)
        async with gateway(port) as second:
            await second.welcomed()
            await running.ready()


@pytest.mark.slow
@pytest.mark.usefixtures("hasty")
async def test_a_server_that_is_dead_without_a_word_is_noticed(server: Gateway) -> None:
    async with laptop(server.url):
        line = await server.welcomed(heartbeat_s=1)
        line.socket.transport.pause_reading()
        async with asyncio.timeout(5):
            await server.lines.get()


async def test_a_secret_that_is_wrong_is_said_once_and_not_asked_again_at_once() -> None:
    async with gateway() as server:
        with structlog.testing.capture_logs() as logs:
            async with laptop(server.url, token="wrong") as running:
                await _called(server)
                await asyncio.sleep(0)
                await _failed(running)
        assert len(server.calls) == 1
        (said,) = [entry for entry in logs if entry["log_level"] == "warning"]
        assert said["event"] == "gateway_refuses"
        assert "BABBLEFISH_ACCELERATOR_TOKEN" in said["why"]
        assert "wrong" not in str(logs)


@pytest.mark.usefixtures("hasty")
async def test_the_same_trouble_is_said_once() -> None:
    async with gateway() as server:
        server.refusing = HTTPStatus.SERVICE_UNAVAILABLE
        with structlog.testing.capture_logs() as logs:
            async with laptop(server.url):
                async with asyncio.timeout(5):
                    while len(server.calls) < 5:
                        await asyncio.sleep(0.01)
        (said,) = [entry for entry in logs if entry["log_level"] == "warning"]
        assert said["event"] == "gateway_unreachable"


@pytest.mark.parametrize(
    "greeting",
    ["", "{}", '{"type":"joined"}', '{"type":"welcome","keep":[],"protocol":2}', "[" * 9999],
    ids=range(5),
)
async def test_who_does_not_speak_its_language_is_no_gateway(
    server: Gateway, greeting: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with laptop(server.url):
            line = await server.line()
            await line.hear(Hello)
            await line.say(greeting)
            await line.closed()
    assert "gateway_unfit" in [entry["event"] for entry in logs]


async def test_a_frame_that_is_too_big_costs_the_line_and_nothing_else(
    server: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("babblefish.accelerator.dialling.MAX_FRAME", 10_000)
    async with laptop(server.url):
        line = await server.welcomed()
        await line.say('"' + "x" * 20_000 + '"')
        await line.closed()
        assert line.socket.close_code == 1009
        await server.welcomed()


async def test_the_secret_does_not_follow_a_redirect(server: Gateway) -> None:
    server.refusing = HTTPStatus.FOUND
    async with laptop(server.url):
        await _called(server)
        await asyncio.sleep(0.05)
    assert {call.path for call in server.calls} == {"/ws/tts-accelerator"}


async def test_it_is_warm_before_it_dials(server: Gateway) -> None:
    cloner = Slow()
    async with laptop(server.url, cloner) as running:
        for _ in range(20):
            await asyncio.sleep(0)
        assert not server.calls
        assert not running.accelerator.ready
        cloner.warm.set()
        await server.welcomed()


class Slow(ScriptedCloner):
    """Takes until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.warm = asyncio.Event()

    async def start(self) -> None:
        await self.warm.wait()


async def _called(server: Gateway) -> None:
    async with asyncio.timeout(5):
        while not server.calls:
            await asyncio.sleep(0.01)


async def _failed(running: Laptop) -> None:
    """The refusal has come back."""
    async with asyncio.timeout(5):
        while not running.accelerator._trouble:
            await asyncio.sleep(0.01)
