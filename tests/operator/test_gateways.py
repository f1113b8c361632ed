"""Lines to gateways, over real sockets."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from babblefish_operator import line
from babblefish_operator.figures import Figures, NotUnderstood, summed, understood
from babblefish_operator.gateways import Gateway, Gateways
from babblefish_operator.model import Count, Laptops
from tests.operator.gateway import TOKEN, FakeGateway, answering
from tests.operator.process import free_port
from tests.operator.worlds import session

pytestmark = pytest.mark.slow  # real time passes


@pytest.fixture
def there() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def port(there: FakeGateway) -> Iterator[int]:
    with answering(there) as port:
        yield port


@pytest.fixture
def heard() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def gateways(port: int, heard: asyncio.Event) -> AsyncIterator[Gateways]:
    gateways = Gateways(port, TOKEN, heard.set)
    gateways.follow([_pod()])
    yield gateways
    gateways.close()


def _pod(uid: str = "pod", *, counts: bool = True) -> Gateway:
    return Gateway(uid, "127.0.0.1", counts=counts)


async def _until(true: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_counts_come_up_as_they_change(
    gateways: Gateways, there: FakeGateway, heard: asyncio.Event
) -> None:
    assert gateways.figures is None
    await _until(lambda: gateways.figures == Figures())
    heard.clear()
    there.say(standup=2)
    async with asyncio.timeout(0.4):
        await heard.wait()
    assert gateways.figures == Figures({"standup": Count(2, ("en", "fr"))})


async def test_laptops_come_up_as_they_change_and_older_gateways_tell_of_none(
    gateways: Gateways, there: FakeGateway, heard: asyncio.Event
) -> None:
    await _until(lambda: gateways.figures == Figures())
    heard.clear()
    there.connect(2, "en", "fr")
    async with asyncio.timeout(0.4):
        await heard.wait()
    assert gateways.figures == Figures(laptops=Laptops(2, ("en", "fr")))


def test_laptops_of_several_gateways_speak_together() -> None:
    one = Figures({"standup": Count(1)}, Laptops(1, ("en", "pl")))
    other = Figures({"standup": Count(2)}, Laptops(2, ("en", "fr")))
    whole = Figures({"standup": Count(3)}, Laptops(3, ("en", "fr", "pl")))
    assert summed([one, other]) == whole


async def test_counts_that_stay_wake_nobody(gateways: Gateways, heard: asyncio.Event) -> None:
    await _until(lambda: gateways.figures == Figures())
    heard.clear()
    await asyncio.sleep(1.2)
    assert not heard.is_set()


async def test_the_sessions_go_down_at_connection_and_at_every_change(
    gateways: Gateways, there: FakeGateway
) -> None:
    await gateways.tell([session()], {})
    first = await asyncio.to_thread(there.awaited)
    assert first == {
        "type": "sessions",
        "live": {
            "standup": {
                "uid": "uid-standup",
                "max_clients": 50,
                "languages": ["en", "fr"],
                "voice_cloning": "Disabled",
            }
        },
        "ended": {},
    }
    await gateways.tell([], {"standup": "expired"})
    assert (await asyncio.to_thread(there.awaited))["ended"] == {"standup": "expired"}


async def test_before_anything_is_known_nothing_is_said(
    gateways: Gateways, there: FakeGateway
) -> None:
    """An empty list would end every session."""
    await _until(lambda: gateways.figures == Figures())
    await asyncio.sleep(0.2)
    assert there.told.empty()


async def test_what_is_the_same_is_not_said_again(gateways: Gateways, there: FakeGateway) -> None:
    for _ in range(3):
        await gateways.tell([session()], {})
    await asyncio.to_thread(there.awaited)
    await asyncio.sleep(0.2)
    assert there.told.empty()


async def test_several_gateways_are_summed(gateways: Gateways, there: FakeGateway) -> None:
    gateways.follow([_pod(), _pod("other")])
    there.say(standup=2)
    await _until(lambda: gateways.figures == Figures({"standup": Count(4, ("en", "fr"))}))


async def test_a_silent_gateway_makes_all_counts_unknown(
    gateways: Gateways, there: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "STALE_S", 0.8)
    await _until(lambda: gateways.figures is not None)
    there.mute(on=True)
    await _until(lambda: gateways.figures is None)
    there.mute(on=False)
    await _until(lambda: gateways.figures is not None)


async def test_one_that_takes_no_phones_yet_is_not_waited_for(gateways: Gateways) -> None:
    unreachable = Gateway("starting", "127.0.0.99", counts=False)
    gateways.follow([_pod(), unreachable])
    await _until(lambda: gateways.figures == Figures())


async def test_without_gateways_nothing_is_known(gateways: Gateways) -> None:
    await _until(lambda: gateways.figures is not None)
    gateways.follow([])
    assert gateways.figures is None


async def test_one_that_restarts_is_dialled_again_and_told_all_again(
    heard: asyncio.Event,
) -> None:
    port = free_port()
    gateways = Gateways(port, TOKEN, heard.set)
    gateways.follow([_pod()])
    await gateways.tell([session()], {})
    try:
        for _ in range(2):
            restarted = FakeGateway()
            with contextlib.ExitStack() as running:
                running.enter_context(answering(restarted, port))
                await asyncio.to_thread(restarted.awaited)
                await _until(lambda: gateways.figures == Figures())
                await asyncio.to_thread(running.close)
    finally:
        gateways.close()


async def test_a_wrong_token_is_no_count(port: int, heard: asyncio.Event) -> None:
    gateways = Gateways(port, "guessed", heard.set)
    gateways.follow([_pod()])
    await asyncio.sleep(0.5)
    assert gateways.figures is None
    gateways.close()


async def test_nonsense_is_hung_up_on_and_does_not_become_a_storm(
    gateways: Gateways, there: FakeGateway
) -> None:
    there.raw = '{"type": "counts", "sessions": {"standup": {"clients": -1, "languages": []}}}'
    there.callers = 0
    started = time.monotonic()
    await asyncio.sleep(2)
    assert there.callers <= 8, time.monotonic() - started


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{}",
        '{"type": "other"}',
        '{"type": "counts"}',
        '{"type":"counts","sessions":[]}',
        '{"type":"counts","sessions":{},"accelerators":{"laptops":-1,"languages":[]}}',
        '{"type":"counts","sessions":{},"accelerators":{"laptops":1}}',
    ],
)
def test_what_is_not_understood(message: str) -> None:
    with pytest.raises(NotUnderstood):
        understood(message)
