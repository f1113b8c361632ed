"""What a session is told about itself."""

from collections.abc import Mapping
from urllib.parse import quote

from babblefish_operator import conditions
from babblefish_operator.demand import shares
from babblefish_operator.model import Count, Limit, Observed, Phase, Session, Share, Status

_ENDED = {"expired": Phase.EXPIRED, "suspended": Phase.SUSPENDED}
_NOBODY = Count(0)


def of_all(
    observed: Observed, live: tuple[Session, ...], endings: Mapping[str, str]
) -> dict[str, Status]:
    """Of every session that is not about to vanish."""
    dealt = shares(observed, live)
    return {
        session.name: _of(session, observed, endings.get(session.name), dealt)
        for session in observed.sessions
        if not session.deleting
    }


def join_url(public_url: str, session: str) -> str:
    """Where phones go; who has no token is asked for it there."""
    return f"{public_url.rstrip('/')}/?session={quote(session, safe='')}"


def _of(
    session: Session, observed: Observed, ending: str | None, dealt: Mapping[str, Share]
) -> Status:
    count = _count(session, observed)
    phase = _phase(session, observed, ending, count)
    share = _share(session, ending, dealt)
    told = conditions.of(session, observed, phase, count, share)
    return Status(
        phase=phase,
        clients=count.clients,
        languages=count.languages,
        share=share,
        join_url=join_url(observed.rules.public_url, session.name),
        expires_at=session.expires_at,
        conditions=told,
        observed_generation=session.generation,
    )


def _count(session: Session, observed: Observed) -> Count:
    """The last known, while a gateway is silent."""
    if observed.counts is not None:
        return observed.counts.get(session.name, _NOBODY)
    return Count(session.last.clients, session.last.languages) if session.last else _NOBODY


def _phase(session: Session, observed: Observed, ending: str | None, count: Count) -> Phase:
    if ending:
        return _ENDED[ending]
    never_open = session.last is None or session.last.phase not in {Phase.READY, Phase.FULL}
    if observed.counts is None and never_open:
        return Phase.PENDING
    return Phase.FULL if count.clients >= session.spec.max_clients else Phase.READY


def _share(session: Session, ending: str | None, dealt: Mapping[str, Share]) -> Share:
    if ending:
        return Share()
    if session.name in dealt:
        return dealt[session.name]
    last = session.last.share if session.last else Share()
    return Share(last.wanted, last.ready, Limit.STALE)
