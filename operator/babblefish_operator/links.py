"""The Secret that holds a session's link: the session owns it, and takes it along."""

import base64
from collections.abc import Mapping

from babblefish_operator.api import Json
from babblefish_operator.kinds import OWNED
from babblefish_operator.model import Session
from babblefish_operator.sessions import API_VERSION, KIND

_LABEL, _, _VALUE = OWNED.partition("=")


def name_of(session: Session) -> str:
    """Where the link is."""
    return f"{session.name}-join"


def rendered(session: Session, data: Mapping[str, str]) -> Json:
    """The whole Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name_of(session),
            "labels": {_LABEL: _VALUE},
            "ownerReferences": [_owner(session)],
        },
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def same(current: Json | None, wanted: Json) -> bool:
    """Whether nothing has to be written."""
    if current is None:
        return False
    owned = _owners(current) == _owners(wanted)
    return owned and current.get("data") == wanted["data"]


def _owners(secret: Json) -> set[str]:
    return {owner["uid"] for owner in secret["metadata"].get("ownerReferences", [])}


def _owner(session: Session) -> Json:
    """Without `blockOwnerDeletion`: nothing of ours holds a deletion up."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": session.name,
        "uid": session.uid,
        "controller": True,
    }
