"""How much of the synthesizer each session asks for, and gets."""

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

from babblefish_operator.model import Count, Limit, Observed, Session, Share

_NOBODY = Count(0)


def by_age(sessions: Iterable[Session]) -> tuple[Session, ...]:
    """The oldest first: in scarcity it is served first."""
    return tuple(sorted(sessions, key=lambda session: (session.created, session.uid)))


def unbounded(session: Session, counts: Mapping[str, Count]) -> Fraction:
    """Replicas for its clients, whatever its bounds are."""
    clients = counts.get(session.name, _NOBODY).clients
    return clients / session.spec.bounds.clients_per_replica


def bounded(session: Session, counts: Mapping[str, Count]) -> Fraction:
    """Replicas for its clients, a fraction: two half ones make one."""
    bounds = session.spec.bounds
    return max(
        Fraction(bounds.min_replicas),
        min(unbounded(session, counts), Fraction(bounds.max_replicas)),
    )


def whole(live: Iterable[Session], counts: Mapping[str, Count]) -> Fraction:
    """What all of them ask for; rounded up once, not session by session."""
    return sum((bounded(session, counts) for session in live), Fraction(0))


def shares(observed: Observed, live: tuple[Session, ...]) -> dict[str, Share]:
    """What each gets, the oldest first; empty while nobody knows who is connected."""
    if observed.counts is None:
        return {}
    room = observed.fits
    ready = Fraction(observed.fleet.ready if observed.fleet else 0)
    dealt, before = {}, Fraction(0)
    for session in live:
        asked = bounded(session, observed.counts)
        short = room is not None and before + asked > room
        limit = _limit(session, observed.counts, short=short)
        dealt[session.name] = Share(math.ceil(asked), _of_ready(asked, ready - before), limit)
        before += asked
    return dealt


def _limit(session: Session, counts: Mapping[str, Count], *, short: bool) -> Limit:
    if short:
        return Limit.CAPACITY
    over = unbounded(session, counts) > session.spec.bounds.max_replicas
    return Limit.MAX_REPLICAS if over else Limit.NOTHING


def _of_ready(asked: Fraction, left: Fraction) -> int:
    """Whole replicas; a part of one counts as one if it is all that was asked for."""
    return math.ceil(asked) if asked <= left else max(0, math.floor(left))
