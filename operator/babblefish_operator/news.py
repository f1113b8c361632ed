"""What became different for a session: said once, when it does."""

from collections.abc import Iterator

from babblefish_operator.model import Event, Limit, Phase, Session, Status

_UNWELCOME = {Limit.CAPACITY, Limit.MAX_REPLICAS}


def of_session(session: Session, status: Status) -> Iterator[Event]:
    """Nothing, if all is as it was."""
    last = session.last
    if last is None or last.phase is not status.phase:
        reason = "Opened" if status.phase is Phase.READY else status.phase.value
        yield Event(session.name, reason, _message(status, "Ready"))
    was = last.share.limited_by if last else Limit.NOTHING
    now = status.share.limited_by
    if was is not now and (now in _UNWELCOME or was in _UNWELCOME):
        limited = now in _UNWELCOME
        reason = f"{now.value}Limited" if limited else "NotLimited"
        yield Event(session.name, reason, _message(status, "ScalingLimited"), warning=limited)


def _message(status: Status, condition: str) -> str:
    return next(each.message for each in status.conditions if each.type == condition)
