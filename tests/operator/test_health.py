"""Liveness is the loop's own: whoever answers for it must not depend on it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from babblefish_operator.health import registry, served
from babblefish_operator.heartbeat import Heartbeat
from tests.support.http import plain

pytestmark = pytest.mark.slow

_TICK_S = 0.02
_STALE_S = 0.3


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop on a thread of its own, to be blocked."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def heartbeat() -> Heartbeat:
    return Heartbeat(_STALE_S)


@pytest.fixture
def beating(heartbeat: Heartbeat, loop: asyncio.AbstractEventLoop) -> Iterator["Future[None]"]:
    """As the reconciling task does it."""
    beating = asyncio.run_coroutine_threadsafe(_beat(heartbeat), loop)
    yield beating
    beating.cancel()


async def _beat(heartbeat: Heartbeat) -> None:
    while True:
        heartbeat.beat()
        await asyncio.sleep(_TICK_S)


@pytest.fixture
def address(heartbeat: Heartbeat, beating: "Future[None]") -> Iterator[str]:
    with served(heartbeat, registry(heartbeat), "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}/health"


def test_a_loop_that_runs_is_alive(address: str) -> None:
    time.sleep(2 * _STALE_S)
    assert plain.get(address).status_code == 200


def test_a_blocked_loop_is_not(address: str, loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon_threadsafe(time.sleep, 4 * _STALE_S)
    time.sleep(2 * _STALE_S)
    answer = plain.get(address)
    assert answer.status_code == 503
    assert "silent" in answer.text


def test_one_that_was_blocked_is_again(address: str, loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon_threadsafe(time.sleep, 2 * _STALE_S)
    time.sleep(3 * _STALE_S)
    assert plain.get(address).status_code == 200


def test_one_whose_task_is_gone_is_not(address: str, beating: "Future[None]") -> None:
    beating.cancel()
    time.sleep(2 * _STALE_S)
    assert plain.get(address).status_code == 503
