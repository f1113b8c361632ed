"""What one gateway said about who is connected."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from babblefish_operator.model import Count, Laptops


class NotUnderstood(ValueError):
    """A gateway said something else than `counts`."""


@dataclass(frozen=True)
class Figures:
    """Phones by session, and laptops."""

    counts: Mapping[str, Count] = field(default_factory=dict)
    laptops: Laptops = field(default_factory=Laptops)


def understood(message: str) -> Figures:
    """What it says; raises `NotUnderstood`. An older gateway says nothing of laptops."""
    try:
        content: Any = json.loads(message)
        if content["type"] != "counts":
            raise NotUnderstood(f"type {content['type']!r}")
        counts = {str(name): _count(count) for name, count in content["sessions"].items()}
        return Figures(counts, _laptops(content.get("accelerators", _NONE)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotUnderstood(str(error)) from None


def summed(each: Iterable[Figures]) -> Figures:
    """What several gateways see together."""
    total: dict[str, Count] = {}
    laptops = Laptops()
    for figures in each:
        laptops = _all(laptops, figures.laptops)
        for name, count in figures.counts.items():
            total[name] = _both(total.get(name, Count(0)), count)
    return Figures(total, laptops)


def _both(one: Count, other: Count) -> Count:
    return Count(one.clients + other.clients, _either(one.languages, other.languages))


def _all(some: Laptops, others: Laptops) -> Laptops:
    return Laptops(some.number + others.number, _either(some.languages, others.languages))


def _either(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*one, *other}))


_NONE: Mapping[str, Any] = {"laptops": 0, "languages": []}


def _laptops(written: Mapping[str, Any]) -> Laptops:
    return Laptops(_number(written["laptops"], "laptops"), _languages(written))


def _count(written: Mapping[str, Any]) -> Count:
    return Count(_number(written["clients"], "clients"), _languages(written))


def _number(written: object, of: str) -> int:
    number = int(str(written))
    if number < 0:
        raise NotUnderstood(f"{number} {of}")
    return number


def _languages(written: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(str(language) for language in written["languages"]))
