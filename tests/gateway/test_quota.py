import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.gateway.quota import Buckets, Quota
from babblefish.protocol import Refusal
from tests.support import speech
from tests.support.phone import joined
from tests.support.server import serving

LIMITS = {"address": 6, "session": 9, "server": 12}
waits = st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 5)), max_size=60)


@given(waits)
def test_no_stretch_of_time_gives_more_than_a_minutes_worth_and_what_filled_again(
    asked: list[tuple[float, float]],
) -> None:
    with pytest.MonkeyPatch.context() as clock:
        bucket, now, taken = Buckets(6), 0.0, list[tuple[float, float]]()
        clock.setattr("time.monotonic", lambda: now)
        for wait, amount in asked:
            now += wait
            if bucket.holds("here", amount):
                bucket.take("here", amount)
                taken.append((now, amount))
    for first, (since, _) in enumerate(taken):
        for last, (until, _) in enumerate(taken[first:], first):
            total = sum(amount for _, amount in taken[first : last + 1])
            assert total <= 6 + (until - since) * 6 / 60 + 1e-6


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=40))
def test_every_scope_holds_and_a_refusal_charges_nobody(addresses: list[str]) -> None:
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr("time.monotonic", lambda: 0.0)
        quota, granted = Quota("utterances", LIMITS), list[str]()
        for address in addresses:
            may = granted.count(address) < 6 and len(granted) < 9
            try:
                quota.spend({"address": address, "session": "one", "server": ""})
            except Refusal as refusal:
                assert not may
                assert refusal.code == "too_many_utterances"
            else:
                assert may
                granted.append(address)


def test_the_refusal_names_what_is_used_up() -> None:
    quota = Quota("calls", {"address": 1, "session": 9, "server": 12})
    quota.spend({"address": "a", "server": ""})
    with pytest.raises(Refusal, match=r"At most 1 calls a minute are taken per address") as refusal:
        quota.spend({"address": "a", "server": ""}, close=4429)
    assert refusal.value.close == 4429


def test_what_is_remembered_is_bounded() -> None:
    bucket = Buckets(1)
    for number in range(11_000):
        bucket.take(f"address {number}", 1)
    assert len(bucket._left) <= 10_000


@pytest.mark.slow
async def test_a_session_that_says_too_much_is_told_so_and_others_go_on() -> None:
    with serving(max_utterances_per_minute_per_session=2) as server:
        async with (
            joined(server.ws, "busy", "Dan", "en") as dan,
            joined(server.ws, "busy", "Ana", "es") as ana,
            joined(server.ws, "calm", "Bob", "en") as bob,
        ):
            for _ in range(3):
                await ana.send(type="text", text="hola")
            assert (await ana.receive("error"))["code"] == "too_many_utterances"
            for _ in range(2):
                await dan.receive("result")
            await dan.burst(speech.go_forward(), 3200)
            assert (await dan.receive("error"))["code"] == "too_many_utterances"
            assert len(dan.all("result")) == 2
            assert ana.all("result") == []
            await bob.send(type="text", text="hello")
            await bob.receive("partial", final=True)


@pytest.mark.slow
async def test_a_session_that_sends_too_much_is_told_so() -> None:
    with serving(max_bytes_per_minute_per_session=1 << 20) as server:
        async with joined(server.ws, "flood", "Dan", "en") as dan:
            await dan.socket.send(bytes(900_000))
            await dan.socket.send(bytes(900_000))
            assert (await dan.receive("error"))["code"] == "too_many_bytes"
