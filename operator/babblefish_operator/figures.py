"""What one gateway said about who is connected."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from babblefish_operator.model import Count


class NotUnderstood(ValueError):
    """A gateway said something else than `counts`."""


def understood(message: str) -> Mapping[str, Count]:
    """Its counts by session; raises `NotUnderstood`."""
    try:
        content: Any = json.loads(message)
        if content["type"] != "counts":
            raise NotUnderstood(f"type {content['type']!r}")
        return {str(name): _count(count) for name, count in content["sessions"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotUnderstood(str(error)) from None


def summed(each: Iterable[Mapping[str, Count]]) -> dict[str, Count]:
    """What several gateways see together."""
    total: dict[str, Count] = {}
    for counts in each:
        for name, count in counts.items():
            total[name] = _both(total.get(name, Count(0)), count)
    return total


def _both(one: Count, other: Count) -> Count:
    languages = {*one.languages, *other.languages}
    return Count(one.clients + other.clients, tuple(sorted(languages)))


def _count(written: Mapping[str, Any]) -> Count:
    clients = int(written["clients"])
    if clients < 0:
        raise NotUnderstood(f"{clients} clients")
    return Count(clients, tuple(sorted(str(language) for language in written["languages"])))
