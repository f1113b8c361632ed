"""Decisions by example: read it as the operator's specification."""

from dataclasses import replace

import pytest

from babblefish_operator.model import (
    Bounds,
    Count,
    Fleet,
    Laptops,
    Limit,
    Need,
    Observed,
    Phase,
    Session,
    Status,
)
from babblefish_operator.plan import plan
from tests.operator.worlds import NOW, applied, later, session, world


@pytest.mark.parametrize(
    ("clients", "replicas"), [(0, 0), (1, 2), (2, 2), (3, 3), (4, 3), (5, 4), (10, 6), (40, 6)]
)
def test_it_grows_at_once_with_the_phones_and_keeps_one_spare(clients: int, replicas: int) -> None:
    assert (plan(world(clients, fits=9)).scaling.replicas or 0) == replicas


def test_fractions_of_sessions_are_summed_before_rounding_up() -> None:
    halves = tuple(session(f"s{n}") for n in range(4))
    counts = {each.name: Count(1) for each in halves}
    decided = plan(replace(world(fits=9), sessions=halves, counts=counts)).scaling
    assert decided.replicas == 2 + 1
    assert decided.message == "4 clients in 4 sessions: ⌈2⌉ + 1 spare = 3. 0 become 3."


def test_a_session_that_wants_replicas_without_phones_gets_them_without_a_spare() -> None:
    warm = session(bounds=Bounds(min_replicas=2))
    assert plan(replace(world(), sessions=(warm,))).scaling.replicas == 2


def test_the_room_is_asked_for_only_to_grow() -> None:
    assert plan(world(2, replicas=0, fits=None)).scaling.needs is Need.ROOM
    assert plan(world(2, replicas=2, fits=None)).scaling.needs is None


def test_the_fifth_fits_and_the_sixth_does_not() -> None:
    decision = plan(replace(world(12, fits=5), sessions=(session(bounds=Bounds(0, 9)),)))
    assert (decision.scaling.replicas, decision.scaling.reason) == (5, Limit.CAPACITY)
    assert "No more than 5 fit." in decision.scaling.message
    status = decision.statuses["standup"]
    assert status.share.limited_by is Limit.CAPACITY
    limited = _condition(status, "ScalingLimited")
    assert limited == (
        "True",
        "CapacityLimited",
        "12 clients / 2 per replica = 6, within 0 to 9: 6 replicas. "
        "All nodes together hold 5, and older sessions come first.",
    )


def test_in_scarcity_the_oldest_session_comes_first() -> None:
    young, old = session("young", created=9), session("old")
    counts = {"young": Count(6), "old": Count(6)}
    both = replace(world(fits=4, replicas=4), sessions=(young, old), counts=counts)
    shares = {name: status.share for name, status in plan(both).statuses.items()}
    assert (shares["old"].ready, shares["old"].limited_by) == (3, Limit.NOTHING)
    assert (shares["young"].ready, shares["young"].limited_by) == (1, Limit.CAPACITY)


def test_its_own_bound_is_named() -> None:
    bounded = replace(world(6), sessions=(session(bounds=Bounds(0, 2)),))
    status = plan(bounded).statuses["standup"]
    assert status.share.limited_by is Limit.MAX_REPLICAS
    assert _condition(status, "ScalingLimited")[1] == "MaxReplicas"


def test_it_goes_down_one_at_a_time_after_the_window() -> None:
    observed = world(2, replicas=4)
    fell_at = []
    for _ in range(200):
        decision = plan(observed)
        if decision.scaling.replicas is not None:
            fell_at.append((observed.now - NOW, decision.scaling.replicas))
        observed = later(applied(observed, decision), 1)
    assert fell_at == [(60, 3), (120, 2)]


def test_the_window_starts_again_when_phones_come_back() -> None:
    assert plan(world(6, replicas=4, surplus_since=int(NOW) - 59)).scaling.surplus_since is None


def test_nothing_is_taken_while_it_rolls() -> None:
    quiet = world(2, replicas=4, surplus_since=int(NOW) - 60)
    assert plan(quiet).scaling.replicas == 3
    rolling = plan(replace(quiet, fleet=Fleet(4, 4, rolling=True))).scaling
    assert (rolling.replicas, rolling.reason) == (None, Limit.ROLLING)


def test_nothing_is_taken_while_all_are_busy_or_nobody_knows() -> None:
    quiet = world(2, replicas=4, surplus_since=int(NOW) - 60)
    busy = plan(replace(quiet, busy=4)).scaling
    assert (busy.replicas, busy.reason) == (None, Limit.BUSY)
    unknown = plan(replace(quiet, busy=None)).scaling
    assert (unknown.replicas, unknown.needs) == (None, Need.BUSY)


@pytest.mark.parametrize("ending", ["expired", "suspended", "deleted", "none"])
def test_without_an_open_session_all_go_at_once(ending: str) -> None:
    ended = {
        "expired": (session(ttl_s=3600),),
        "suspended": (session(suspended=True),),
        "deleted": (replace(session(), deleting=True),),
        "none": (),
    }[ending]
    decision = plan(replace(world(8, replicas=5), sessions=ended))
    assert decision.scaling.replicas == 0
    assert decision.endings == ({"standup": ending} if ended else {})


def test_a_sentence_is_finished_though_its_session_is_gone() -> None:
    decision = plan(replace(world(replicas=5, busy=2), sessions=()))
    assert decision.scaling.replicas == 2
    assert decision.look_again_s == 2


def test_it_looks_again_when_a_session_expires() -> None:
    assert plan(replace(world(), sessions=(session(ttl_s=3607),))).look_again_s == 7


def test_an_expired_session_says_so_and_keeps_saying_when() -> None:
    status = plan(replace(world(), sessions=(session(ttl_s=60),))).statuses["standup"]
    assert (status.phase, status.expires_at) == (Phase.EXPIRED, int(NOW) - 3600 + 60)
    assert _condition(status, "Ready")[:2] == ("False", "Expired")


def test_a_full_session_says_so() -> None:
    status = plan(replace(world(2), sessions=(session(max_clients=2),))).statuses["standup"]
    assert status.phase is Phase.FULL
    assert _condition(status, "Ready")[1] == "Full"


def test_no_gateway_yet_is_pending_but_a_blip_takes_nothing_back() -> None:
    silent = replace(world(2), counts=None)
    assert plan(silent).statuses["standup"].phase is Phase.PENDING
    known = applied(world(2), plan(world(2)))
    status = plan(replace(known, counts=None)).statuses["standup"]
    assert (status.phase, status.clients, status.share.wanted) == (Phase.READY, 2, 1)
    assert status.share.limited_by is Limit.STALE


def test_the_link_in_the_status_opens_nothing() -> None:
    status = plan(world()).statuses["standup"]
    assert status.join_url == "https://babblefish.test/?session=standup"


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    once = applied(world(1), plan(world(1)))
    fuller = replace(later(once, 9), counts={"standup": Count(3)})
    conditions = {each.type: each for each in plan(fuller).statuses["standup"].conditions}
    assert conditions["ScalingActive"].since == int(NOW)
    assert "3 clients" in conditions["ScalingActive"].message


@pytest.mark.parametrize(
    ("policy", "laptops", "said"),
    [
        ("Disabled", Laptops(1, ("en",)), ("False", "Disabled", "stock voices")),
        ("Disabled", None, ("False", "Disabled", "stock voices")),
        ("OptIn", None, ("Unknown", "GatewaySilent", "A gateway is silent")),
        ("OptIn", Laptops(), ("False", "NoAccelerator", "No laptop that speaks its languages")),
        ("OptIn", Laptops(1, ("pl",)), ("False", "NoAccelerator", "No laptop that speaks")),
        ("OptIn", Laptops(1, ("en", "pl")), ("True", "Serving", "1 laptop; en can be heard")),
        ("OptIn", Laptops(2, ("fr", "en")), ("True", "Serving", "2 laptops; en, fr can be heard")),
    ],
)
def test_it_says_whether_people_can_be_heard_in_their_own_voices(
    policy: str, laptops: Laptops | None, said: tuple[str, str, str]
) -> None:
    asked = replace(world(), sessions=(session(voice_cloning=policy),), laptops=laptops)
    status, reason, message = _condition(plan(asked).statuses["standup"], "VoiceCloning")
    assert (status, reason) == said[:2]
    assert said[2] in message


@pytest.mark.parametrize(
    "over",
    [session(voice_cloning="OptIn", ttl_s=60), session(voice_cloning="OptIn", suspended=True)],
)
def test_where_nobody_speaks_nobody_is_cloned(over: Session) -> None:
    asked = replace(world(), sessions=(over,), laptops=Laptops(1, ("en",)))
    status = plan(asked).statuses["standup"]
    assert _condition(status, "VoiceCloning")[:2] == ("False", status.phase.value)


def test_events_tell_what_became_different() -> None:
    first = plan(world(1))
    assert [(each.session, each.reason) for each in first.events] == [
        (None, "Scaled"),
        ("standup", "Opened"),
    ]
    short = replace(applied(world(1), first), counts={"standup": Count(8)}, fits=2)
    (limited,) = plan(short).events
    assert (limited.reason, limited.warning) == ("CapacityLimited", True)


def _condition(status: Status, type_: str) -> tuple[str, str, str]:
    (found,) = [each for each in status.conditions if each.type == type_]
    return found.status, found.reason, found.message


def test_without_a_deployment_sessions_still_open() -> None:
    decision = plan(_without_fleet())
    assert decision.scaling.replicas is None
    assert decision.statuses["standup"].phase is Phase.READY
    assert _condition(decision.statuses["standup"], "ScalingActive")[1] == "NoDeployment"


def _without_fleet() -> Observed:
    return replace(world(2), fleet=None)


def test_what_is_not_ours_to_scale_stays_as_it_is() -> None:
    for crowded in (world(4, replicas=1), replace(world(replicas=3), sessions=())):
        assert crowded.fleet
        others = replace(crowded.fleet, ours=False)
        scaling = plan(replace(crowded, fleet=others)).scaling
        assert (scaling.replicas, scaling.reason) == (None, Limit.FIXED)
