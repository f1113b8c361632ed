"""How busy and how fast a laptop is, by the sentences that it was asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.gateway.workload import Workload, weight

SENTENCE = weight("a sentence of forty characters, or so, ok")


def spoken(workload: Workload, seconds: float, began: float = 0.0) -> float:
    """One sentence; when it was answered."""
    workload.add("first", SENTENCE, began)
    workload.spoken("first", began + seconds)
    return began + seconds


@given(st.floats(0.1, 5), st.integers(0, 10), st.integers(1, 4))
def test_what_waits_is_spoken_before(seconds: float, waiting: int, capacity: int) -> None:
    workload = Workload(capacity)
    now = spoken(workload, seconds)
    for number in range(waiting):
        workload.add(str(number), SENTENCE, now)
    rounds = waiting / capacity if waiting >= capacity else 0
    assert workload.takes_s(SENTENCE, now) == pytest.approx(seconds * (1 + rounds))


@given(st.floats(0, 2))
def test_what_was_spoken_of_a_sentence_need_not_be_waited_for(passed: float) -> None:
    workload = Workload(1)
    now = spoken(workload, 1.0)
    workload.add("now", SENTENCE, now)
    assert workload.takes_s(SENTENCE, now + passed) == pytest.approx(1 + max(0, 1 - passed))


def test_the_latest_weigh_most() -> None:
    workload, now = Workload(1), 0.0
    for seconds in (1.0, 1.0, 2.0, 2.0, 2.0, 2.0):
        now = spoken(workload, seconds, now)
    assert 1.6 < workload.takes_s(SENTENCE, now) < 2.0


def test_a_slow_one_gets_another_chance_and_a_fast_one_keeps_its_name() -> None:
    fresh = Workload(1).takes_s(SENTENCE, 0)
    slow, fast = Workload(1), Workload(1)
    spoken(slow, 60.0)
    spoken(fast, 0.1)
    assert slow.takes_s(SENTENCE, 80) > 50
    assert slow.takes_s(SENTENCE, 100) == fresh
    assert fast.takes_s(SENTENCE, 100) == pytest.approx(0.1)


def test_what_never_came_was_slow() -> None:
    workload = Workload(1)
    workload.add("hung", SENTENCE, 0)
    workload.late("hung", 5)
    assert workload.takes_s(SENTENCE, 5) == pytest.approx(5)
    assert not len(workload)


def test_the_queue_goes_on_when_somebody_leaves_it() -> None:
    workload = Workload(1)
    now = spoken(workload, 1.0)
    for name in ("first", "second", "third"):
        workload.add(name, SENTENCE, now)
    workload.remove("second", now)
    workload.spoken("first", now + 1)
    workload.spoken("third", now + 2)
    assert workload.takes_s(SENTENCE, now + 2) == pytest.approx(1)


def test_failures_earn_rest_ever_longer_and_success_ends_it() -> None:
    workload, now = Workload(1), 0.0
    rests = []
    for _ in range(12):
        workload.failed(now)
        began = now
        while workload.rests(now):
            now += 0.1
        rests.append(round(now - began))
    assert rests == sorted(rests)
    assert rests[0] <= 1
    assert rests[-1] == 60
    workload.succeeded()
    workload.failed(now)
    assert not workload.rests(now + 1)


def test_lengths_are_those_of_f5() -> None:
    assert weight("") == weight("short") == 24
    assert weight("x" * 100) == 100
    assert weight("语" * 50) == 150
