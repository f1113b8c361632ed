"""How many replicas of the synthesizer: up at once, down one at a time after a quiet window.

`wanted = min(fits, ceil(Σ clamp(clients / clientsPerReplica, min, max)) + headroom)`
"""

import math
from collections.abc import Mapping

from babblefish_operator.demand import whole
from babblefish_operator.model import Count, Fleet, Limit, Need, Observed, Scaling, Session

_BUSY_S = 2.0
_FULL_S = 5.0


def decide(observed: Observed, live: tuple[Session, ...]) -> Scaling:
    """Decides; `needs` names a figure without which it has to hold."""
    fleet, counts = observed.fleet, observed.counts
    if fleet is None:
        return _held(Limit.MISSING, "There is no Deployment of the synthesizer.")
    if not fleet.ours:
        return _held(Limit.FIXED, "The replicas are not ours to choose.")
    if not live:
        return _ended(observed, fleet)
    if counts is None:
        kept = f"{_replicas(fleet.replicas)} kept"
        return _held(Limit.STALE, f"A gateway is silent, so that nobody can be counted: {kept}.")
    return _counted(observed, fleet, live, counts)


def _ended(observed: Observed, fleet: Fleet) -> Scaling:
    """No window here: whose session is gone cannot come back to it."""
    if fleet.replicas == 0:
        return Scaling(None, Limit.NOTHING, "No session is open: no replicas.", wanted=0)
    if observed.busy is None:
        return _unknown_work(fleet, wanted=0)
    if observed.busy >= fleet.replicas:
        return _held(
            Limit.BUSY, f"No session is open, but {observed.busy} are busy.", 0, again_s=_BUSY_S
        )
    left = f"{_replicas(observed.busy)} left"
    return Scaling(
        observed.busy,
        Limit.BUSY if observed.busy else Limit.NOTHING,
        f"No session is open: {left} of {fleet.replicas}.",
        wanted=0,
        look_again_s=_BUSY_S if observed.busy else None,
    )


def _counted(
    observed: Observed, fleet: Fleet, live: tuple[Session, ...], counts: Mapping[str, Count]
) -> Scaling:
    asked, sum_ = _asked(observed, live, counts)
    if observed.fits is None and asked > fleet.replicas:
        said = f"{sum_} The nodes' room is not known."
        return _held(Limit.MISSING, said, asked, again_s=_FULL_S, need=Need.ROOM)
    wanted = asked if observed.fits is None else min(observed.fits, asked)
    limit = Limit.CAPACITY if wanted < asked else Limit.NOTHING
    if limit is Limit.CAPACITY:
        sum_ = f"{sum_} No more than {observed.fits} fit."
    if wanted < fleet.replicas:
        return _surplus(observed, fleet, wanted, sum_)
    change = None if wanted == fleet.replicas else wanted
    again_s = _FULL_S if limit is Limit.CAPACITY else None
    return Scaling(change, limit, _said(fleet, wanted, sum_), wanted, look_again_s=again_s)


def _asked(
    observed: Observed, live: tuple[Session, ...], counts: Mapping[str, Count]
) -> tuple[int, str]:
    """Replicas if there were room, and the sum as a sentence."""
    demand = whole(live, counts)
    clients = sum(counts[session.name].clients for session in live if session.name in counts)
    spare = observed.rules.headroom if clients else 0
    asked = math.ceil(demand) + spare
    who = f"{_many(clients, 'client')} in {_many(len(live), 'session')}"
    return asked, f"{who}: ⌈{float(demand):g}⌉ + {spare} spare = {asked}."


def _surplus(observed: Observed, fleet: Fleet, wanted: int, sum_: str) -> Scaling:
    since = observed.now if observed.surplus_since is None else observed.surplus_since
    quiet_s = observed.now - since
    left_s = observed.rules.quiet_s - quiet_s
    if left_s > 0:
        said = f"{sum_} {fleet.replicas} stay until {observed.rules.quiet_s:g} s have been quiet."
        return _held(Limit.QUIET, said, wanted, since, left_s)
    if fleet.rolling:
        said = f"{sum_} {fleet.replicas} stay while the Deployment rolls."
        return _held(Limit.ROLLING, said, wanted, since)
    if observed.busy is None:
        return _unknown_work(fleet, wanted, since)
    if observed.busy >= fleet.replicas:
        said = f"{sum_} All {fleet.replicas} are busy."
        return _held(Limit.BUSY, said, wanted, since, _BUSY_S)
    return Scaling(
        fleet.replicas - 1,
        Limit.NOTHING,
        _said(fleet, fleet.replicas - 1, sum_),
        wanted,
        surplus_since=observed.now,
        look_again_s=observed.rules.quiet_s,
    )


def _unknown_work(fleet: Fleet, wanted: int, since: float | None = None) -> Scaling:
    said = f"What the {_replicas(fleet.replicas)} have in hand is not known."
    return _held(Limit.STALE, said, wanted, since, _BUSY_S, Need.BUSY)


def _held(
    reason: Limit,
    message: str,
    wanted: int | None = None,
    since: float | None = None,
    again_s: float | None = None,
    need: Need | None = None,
) -> Scaling:
    return Scaling(None, reason, message, wanted, since, again_s, need)


def _said(fleet: Fleet, replicas: int, sum_: str) -> str:
    if replicas == fleet.replicas:
        return sum_
    return f"{sum_} {fleet.replicas} become {replicas}."


def _replicas(number: int) -> str:
    return _many(number, "replica")


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
