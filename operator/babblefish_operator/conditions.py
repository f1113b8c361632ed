"""A session's conditions: named as those of the HorizontalPodAutoscaler, which people know."""

from collections.abc import Iterator

from babblefish_operator.demand import bounded, unbounded
from babblefish_operator.model import Condition, Count, Limit, Observed, Phase, Session, Share

TYPES = ("Ready", "ScalingActive", "ScalingLimited", "VoiceCloning")

_Said = tuple[str, str, str]
"""status, reason, message"""


def of(
    session: Session, observed: Observed, phase: Phase, count: Count, share: Share
) -> tuple[Condition, ...]:
    """All of `TYPES`, in that order."""
    said = (
        _ready(session, phase, count),
        _active(session, observed, phase),
        _limited(session, observed, share),
        _cloning(session, observed, phase),
    )
    return tuple(_dated(session, observed, *each) for each in zip(TYPES, said, strict=True))


def _dated(session: Session, observed: Observed, type_: str, said: _Said) -> Condition:
    status, reason, message = said
    before = session.last.conditions if session.last else ()
    kept = [each.since for each in before if (each.type, each.status) == (type_, status)]
    since = kept[0] if kept else int(observed.now)
    return Condition(type_, status, reason, message, session.generation, since)


def _ready(session: Session, phase: Phase, count: Count) -> _Said:
    seats = session.spec.max_clients
    return {
        Phase.READY: ("True", "Open", f"Phones join by the link in Secret {session.name}-join."),
        Phase.FULL: ("True", "Full", f"{count.clients} of {seats} are here: nobody else can join."),
        Phase.PENDING: ("False", "AwaitingGateways", "Not every gateway has answered yet."),
        Phase.SUSPENDED: ("False", "Suspended", "spec.suspended is true: nobody can join."),
        Phase.EXPIRED: ("False", "Expired", "Its lifetime, spec.ttl, is over."),
    }[phase]


def _active(session: Session, observed: Observed, phase: Phase) -> _Said:
    if phase in {Phase.SUSPENDED, Phase.EXPIRED}:
        return "False", phase.value, "It asks for no replicas."
    if observed.fleet is None:
        return "False", "NoDeployment", "There is no Deployment of the synthesizer."
    if observed.counts is None:
        return "False", "Stale", "A gateway is silent: replicas stay as they are."
    return "True", "Counted", _sum(session, observed)


def _limited(session: Session, observed: Observed, share: Share) -> _Said:
    if share.limited_by is Limit.CAPACITY:
        return "True", "CapacityLimited", " ".join(_shortage(session, observed))
    if share.limited_by is Limit.MAX_REPLICAS:
        return "True", "MaxReplicas", f"{_sum(session, observed)} maxReplicas allows no more."
    return "False", "NotLimited", "It gets what it asks for."


def _cloning(session: Session, observed: Observed, phase: Phase) -> _Said:
    if session.spec.voice_cloning != "OptIn":
        return "False", "Disabled", "spec.voiceCloning is not OptIn: all are heard in stock voices."
    if phase in {Phase.SUSPENDED, Phase.EXPIRED}:
        return "False", phase.value, "Nobody speaks in it."
    if observed.laptops is None:
        return "Unknown", "GatewaySilent", "A gateway is silent: nobody knows of its laptops."
    spoken = sorted({*session.spec.languages} & {*observed.laptops.languages})
    if not spoken:
        return "False", "NoAccelerator", "No laptop that speaks its languages is connected."
    laptops = f"{observed.laptops.number} laptop{'s' * (observed.laptops.number > 1)}"
    return "True", "Serving", f"{laptops}; {', '.join(spoken)} can be heard in people's own voices."


def _shortage(session: Session, observed: Observed) -> Iterator[str]:
    yield _sum(session, observed)
    yield f"All nodes together hold {observed.fits}, and older sessions come first."


def _sum(session: Session, observed: Observed) -> str:
    """The arithmetic: `5 clients / 2 per replica = 2.5, within 0 to 5: 2.5 replicas`."""
    counts, bounds = observed.counts or {}, session.spec.bounds
    clients = counts.get(session.name, Count(0)).clients
    quotient = f"{clients} clients / {float(bounds.clients_per_replica):g} per replica"
    within = f"within {bounds.min_replicas} to {bounds.max_replicas}"
    asked, got = float(unbounded(session, counts)), float(bounded(session, counts))
    return f"{quotient} = {asked:g}, {within}: {got:g} replicas."
