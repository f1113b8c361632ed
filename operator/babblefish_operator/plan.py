"""What is to be so, given what is: a pure function."""

from collections.abc import Iterator, Mapping

from babblefish_operator import scaling, status
from babblefish_operator.demand import by_age
from babblefish_operator.model import Decision, Event, Observed, Scaling, Session, Status
from babblefish_operator.news import of_session

_LOOK_AGAIN_S = 30.0


def plan(observed: Observed) -> Decision:
    """Decides; deciding again on what was applied changes nothing."""
    endings = _endings(observed)
    live = by_age(session for session in observed.sessions if session.name not in endings)
    decided = scaling.decide(observed, live)
    statuses = status.of_all(observed, live, endings)
    return Decision(
        scaling=decided,
        live=live,
        endings=endings,
        statuses=statuses,
        events=tuple(_events(observed, decided, statuses)),
        look_again_s=_look_again_s(observed, live, decided),
    )


def _endings(observed: Observed) -> dict[str, str]:
    ended = {session.name: _ending(session, observed.now) for session in observed.sessions}
    return {name: why for name, why in ended.items() if why}


def _ending(session: Session, now: float) -> str | None:
    if session.deleting:
        return "deleted"
    if session.expires_at is not None and session.expires_at <= now:
        return "expired"
    return "suspended" if session.spec.suspended else None


def _events(
    observed: Observed, decided: Scaling, statuses: Mapping[str, Status]
) -> Iterator[Event]:
    if decided.replicas is not None:
        yield Event(None, "Scaled", decided.message)
    for session in observed.sessions:
        if session.name in statuses:
            yield from of_session(session, statuses[session.name])


def _look_again_s(observed: Observed, live: tuple[Session, ...], decided: Scaling) -> float:
    """Seconds until something changes though nothing happens."""
    ends = [session.expires_at - observed.now for session in live if session.expires_at is not None]
    return min([_LOOK_AGAIN_S, decided.look_again_s or _LOOK_AGAIN_S, *ends])
