"""Operator and gateway speak the same: tickets, counts and endings between the real two."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest

from babblefish_operator.figures import Figures
from babblefish_operator.gateways import Gateway, Gateways
from babblefish_operator.model import Count, Session
from babblefish_operator.tokens import signed
from tests.operator.gateway import TOKEN
from tests.operator.process import free_port
from tests.operator.worlds import session
from tests.support.phone import connected, joined
from tests.support.server import Server, serving

pytestmark = pytest.mark.slow

_KEY = "k" * 32


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def governed(port: int) -> Iterator[Server]:
    with serving(
        session_key=_KEY, admin_token=TOKEN, admin_port=port, adhoc_sessions=False
    ) as server:
        yield server


@pytest.fixture
async def gateways(governed: Server, port: int) -> AsyncIterator[Gateways]:
    gateways = Gateways(port, TOKEN, lambda: None)
    gateways.follow([Gateway("pod", "127.0.0.1", counts=True)])
    yield gateways
    gateways.close()


@pytest.mark.parametrize("ending", ["deleted", "expired", "suspended"])
async def test_a_phone_is_counted_and_told_of_the_end(
    governed: Server, gateways: Gateways, ending: str
) -> None:
    meeting = _meeting(ending)
    await gateways.tell([meeting], {})
    token = signed(meeting, _KEY)
    async with joined(governed.ws, meeting.name, "Ada", "en", token=token) as phone:
        await _until(lambda: gateways.figures == Figures({meeting.name: Count(1, ("en",))}))
        await gateways.tell([], {meeting.name: ending})
        await phone.receive("error", deadline_s=5, code="session_ended")
    await _until(lambda: gateways.figures == Figures())


async def test_a_full_session_says_so(governed: Server, gateways: Gateways) -> None:
    alone = replace(_meeting("alone"), spec=replace(session().spec, max_clients=1))
    await gateways.tell([alone], {})
    token = signed(alone, _KEY)
    join = {"type": "join", "session": alone.name, "name": "Bo", "language": "fr", "token": token}
    async with (
        joined(governed.ws, alone.name, "Ada", "en", token=token),
        connected(governed.ws) as late,
    ):
        await late.send(**join)
        await late.receive("error", code="session_full")


def _meeting(name: str) -> Session:
    return session(f"meeting-{name}")


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)
