"""What holds of every decision, whatever is observed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from babblefish_operator.model import Count, Fleet, Observed, Phase
from babblefish_operator.plan import plan
from tests.operator.worlds import applied, crowd, later, observations, world


def _replicas(observed: Observed) -> int:
    assert observed.fleet
    chosen = plan(observed).scaling.replicas
    return observed.fleet.replicas if chosen is None else chosen


@given(observations)
def test_it_never_takes_what_is_busy(observed: Observed) -> None:
    chosen = plan(observed).scaling.replicas
    if chosen is not None and observed.fleet and chosen < observed.fleet.replicas:
        assert observed.busy is not None
        assert chosen >= observed.busy


@given(observations)
def test_it_never_grows_beyond_the_room(observed: Observed) -> None:
    chosen = plan(observed).scaling.replicas
    if chosen is not None and observed.fleet and chosen > observed.fleet.replicas:
        assert observed.fits is not None
        assert chosen <= observed.fits


@given(observations)
def test_while_sessions_are_open_it_goes_down_by_one_and_never_while_rolling(
    observed: Observed,
) -> None:
    decision = plan(observed)
    chosen, fleet = decision.scaling.replicas, observed.fleet
    if chosen is not None and fleet and chosen < fleet.replicas and decision.live:
        assert chosen == fleet.replicas - 1
        assert not fleet.rolling


@given(observations)
def test_a_silent_gateway_changes_nothing_while_a_session_is_open(observed: Observed) -> None:
    decision = plan(replace(observed, counts=None))
    if decision.live:
        assert decision.scaling.replicas is None
        assert decision.scaling.surplus_since is None


@given(observations)
def test_without_sessions_only_what_is_busy_stays(observed: Observed) -> None:
    decision = plan(observed)
    fleet, busy = observed.fleet, observed.busy
    if not decision.live and fleet and busy is not None:
        chosen = fleet.replicas if decision.scaling.replicas is None else decision.scaling.replicas
        assert chosen == min(fleet.replicas, busy)


@given(observations)
def test_deciding_again_on_what_was_applied_changes_nothing(observed: Observed) -> None:
    once = applied(observed, plan(observed))
    again = plan(once)
    assert again.scaling.replicas is None
    settled = applied(once, again)
    assert plan(settled).statuses == again.statuses
    assert plan(settled).events == ()


@given(observations)
def test_an_unchanged_world_is_told_nothing_new(observed: Observed) -> None:
    once = applied(observed, plan(observed))
    settled = applied(once, plan(once))
    told = {session.name: session.last for session in settled.sessions if not session.deleting}
    assert plan(settled).statuses == told


@given(observations, st.integers(0, 9), st.integers(1, 5))
def test_more_clients_never_mean_fewer_replicas(observed: Observed, number: int, more: int) -> None:
    if observed.counts is None or observed.fleet is None:
        return
    name = f"session-{number}"
    count = observed.counts.get(name, Count(0))
    fuller = {**observed.counts, name: Count(count.clients + more)}
    assert _replicas(replace(observed, counts=fuller)) >= _replicas(observed)


@given(st.lists(st.integers(4, 7), min_size=5, max_size=60), st.floats(1, 59))
def test_counts_that_jitter_do_not_make_it_flap(counts: list[int], every_s: float) -> None:
    """Once up for the highest of them, it stays while that comes back within the window."""
    observed = world(7, replicas=5, fits=8)
    for index, clients in enumerate(counts):
        back = 7 if index % 2 else clients
        observed = later(crowd(observed, back), every_s)
        decision = plan(observed)
        assert decision.scaling.replicas is None
        observed = applied(observed, decision)


@given(observations)
def test_the_next_look_lies_ahead(observed: Observed) -> None:
    assert 0 < plan(observed).look_again_s <= 30


@given(observations)
def test_who_is_ended_has_no_phase_that_takes_phones(observed: Observed) -> None:
    decision = plan(observed)
    for name, status in decision.statuses.items():
        open_ = status.phase in {Phase.READY, Phase.FULL, Phase.PENDING}
        assert open_ == (name not in decision.endings)
    assert {session.name for session in decision.live}.isdisjoint(decision.endings)


@given(observations)
def test_shares_are_no_more_than_there_is(observed: Observed) -> None:
    observed = replace(observed, fleet=observed.fleet or Fleet(0, 0))
    assert observed.fleet
    for status in plan(observed).statuses.values():
        assert 0 <= status.share.ready <= max(status.share.wanted, observed.fleet.ready)
