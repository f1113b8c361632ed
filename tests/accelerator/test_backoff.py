"""When a laptop dials again."""

import random
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from babblefish.accelerator.backoff import LONGEST_S, SHORTEST_S, Backoff

dice = st.randoms(use_true_random=False)


@given(dice, st.integers(0, 40))
def test_each_failure_doubles_what_the_next_wait_may_be(dice: random.Random, earlier: int) -> None:
    backoff = Backoff(dice)
    for _ in range(earlier):
        backoff.failed()
    assert 0 <= backoff.failed() <= min(LONGEST_S, SHORTEST_S * 2**earlier)


@given(dice, st.integers(0, 40))
def test_after_a_line_that_held_the_next_wait_is_short(dice: random.Random, earlier: int) -> None:
    backoff = Backoff(dice)
    for _ in range(earlier):
        backoff.failed()
    backoff.well()
    assert backoff.failed() <= SHORTEST_S


@given(dice)
def test_where_people_have_to_mend_something_it_waits_for_long(dice: random.Random) -> None:
    assert LONGEST_S / 2 <= Backoff(dice).refused() <= LONGEST_S


def test_laptops_that_lost_one_gateway_come_back_one_by_one() -> None:
    waits = [Backoff(random.Random(number)).failed() for number in range(200)]  # noqa: S311
    assert abs(mean(waits) - SHORTEST_S / 2) < 0.05
    assert len({round(wait, 3) for wait in waits}) > 100
