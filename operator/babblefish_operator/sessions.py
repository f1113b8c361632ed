"""TranslationSessions: from the API server's JSON, and their status back to it."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from babblefish.telemetry import log
from babblefish_operator.api import Json
from babblefish_operator.conditions import TYPES
from babblefish_operator.model import Bounds, Condition, Limit, Phase, Session, Share, Spec, Status
from babblefish_operator.times import epoch, rfc3339, seconds

API_VERSION = "babblefish.io/v1alpha1"
KIND = "TranslationSession"

_log = log(__name__)


def readable(bodies: Iterable[Json]) -> tuple[Session, ...]:
    """All that can be read; one that an older definition let through stops no other."""
    found = []
    for body in bodies:
        try:
            found.append(session(body))
        except (KeyError, ValueError, TypeError) as error:
            name = body["metadata"]["name"]
            _log.warning("session_unreadable", session=name, why=repr(error))
    return tuple(found)


def session(body: Json) -> Session:
    """Raises `KeyError`, `ValueError` or `TypeError` for what is none."""
    metadata = body["metadata"]
    return Session(
        uid=metadata["uid"],
        name=metadata["name"],
        generation=metadata["generation"],
        created=epoch(metadata["creationTimestamp"]),
        spec=_spec(body["spec"]),
        deleting="deletionTimestamp" in metadata,
        last=_last(body.get("status")),
    )


def rendered(status: Status, current: Json) -> Json:
    """As the API server keeps it: with the conditions that are others'."""
    return {
        "phase": status.phase.value,
        "clients": status.clients,
        "languagesInUse": list(status.languages),
        "synthesizer": {
            "wanted": status.share.wanted,
            "ready": status.share.ready,
            "limitedBy": _named(status.share.limited_by),
        },
        "joinURL": status.join_url,
        # In a merge patch null takes a field away.
        "expiresAt": None if status.expires_at is None else rfc3339(status.expires_at),
        "conditions": [*_of_others(current), *map(_condition_json, status.conditions)],
        "observedGeneration": status.observed_generation,
    }


def differs(current: Json, status: Status) -> bool:
    """Whether it has to be written."""
    return _comparable(current.get("status", {})) != _comparable(rendered(status, current))


def _comparable(status: Json) -> Json:
    """Without nulls, and conditions in an order of their own."""
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    return {k: v for k, v in status.items() if v is not None} | {"conditions": conditions}


def _spec(spec: Json) -> Spec:
    synthesizer = spec.get("synthesizer", {})
    return Spec(
        languages=tuple(spec["languages"]),
        max_clients=spec.get("maxClients", 50),
        voice_cloning=spec.get("voiceCloning", "Disabled"),
        ttl_s=seconds(spec["ttl"]) if "ttl" in spec else None,
        bounds=Bounds(
            synthesizer.get("minReplicas", 0),
            synthesizer.get("maxReplicas", 5),
            Fraction(str(synthesizer.get("clientsPerReplica", 2))),
        ),
        suspended=spec.get("suspended", False),
    )


def _last(status: Json | None) -> Status | None:
    """What we wrote; None if it was not us, or if it cannot be read."""
    try:
        return _status(status or {})
    except (KeyError, ValueError, TypeError):
        return None


def _status(status: Json) -> Status:
    share = status["synthesizer"]
    limit = Limit(share["limitedBy"] or Limit.NOTHING)
    expires_at = status.get("expiresAt")
    return Status(
        phase=Phase(status["phase"]),
        clients=status["clients"],
        languages=tuple(status["languagesInUse"]),
        share=Share(share["wanted"], share["ready"], limit),
        join_url=status["joinURL"],
        expires_at=epoch(expires_at) if expires_at else None,
        conditions=tuple(_condition(each) for each in _ours(status)),
        observed_generation=status["observedGeneration"],
    )


def _named(limit: Limit) -> str:
    return "" if limit is Limit.NOTHING else limit.value


def _ours(status: Json) -> list[Any]:
    ours = {each["type"]: each for each in status.get("conditions", []) if each["type"] in TYPES}
    return [ours[type_] for type_ in TYPES if type_ in ours]


def _of_others(current: Json) -> list[Any]:
    conditions = current.get("status", {}).get("conditions", [])
    return [each for each in conditions if each["type"] not in TYPES]


def _condition(written: Json) -> Condition:
    return Condition(
        type=written["type"],
        status=written["status"],
        reason=written["reason"],
        message=written["message"],
        observed_generation=written["observedGeneration"],
        since=epoch(written["lastTransitionTime"]),
    )


def _condition_json(condition: Condition) -> Json:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": rfc3339(condition.since),
    }
