"""What the API server last said about everything that is watched.

Events keep it current. Lists correct it: a watch that breaks misses deletions (kopf tells none
for what went while it was away).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from babblefish_operator.api import Json
from babblefish_operator.kinds import Kind


class Store:
    """Objects by kind and uid."""

    def __init__(self) -> None:
        self._objects: dict[Kind, dict[str, Json]] = {}
        self._gone: set[str] = set()

    def all(self, kind: Kind) -> Iterator[Json]:
        """Those that there are."""
        return iter(tuple(self._objects.get(kind, {}).values()))

    def seen(self, kind: Kind, type_: str | None, body: Json) -> bool:
        """Takes an event; says whether it was news."""
        uid = str(body["metadata"]["uid"])
        if type_ == "DELETED":
            self._gone.add(uid)
            return self._objects.get(kind, {}).pop(uid, None) is not None
        return self._newer(kind, uid, body)

    def listing(self) -> None:
        """From now on deletions are remembered, as a list may be older than they are."""
        self._gone.clear()

    def listed(self, kind: Kind, bodies: Iterable[Json], before: set[str]) -> None:
        """Takes a whole list; `before` was known when it was asked for, and else is gone."""
        there = {str(body["metadata"]["uid"]): body for body in bodies}
        for uid in before - there.keys():
            self._objects.get(kind, {}).pop(uid, None)
        for uid, body in there.items():
            if uid not in self._gone:
                self._newer(kind, uid, body)

    def uids(self, kind: Kind) -> set[str]:
        """Which there are."""
        return set(self._objects.get(kind, {}))

    def _newer(self, kind: Kind, uid: str, body: Json) -> bool:
        known = self._objects.setdefault(kind, {})
        if uid in known and _version(body) <= _version(known[uid]):
            return False
        known[uid] = _slim(body)
        return True


def _version(body: Json) -> int:
    return int(body["metadata"]["resourceVersion"])


def _slim(body: Json) -> dict[str, Any]:
    """Without what only `kubectl apply` needs: half of an object's size."""
    metadata = {k: v for k, v in body["metadata"].items() if k != "managedFields"}
    return {**body, "metadata": metadata}
