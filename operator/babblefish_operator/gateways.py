"""All gateways: one line to each pod."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from babblefish_operator.figures import Figures, summed
from babblefish_operator.line import Level, Line
from babblefish_operator.model import Session


@dataclass(frozen=True)
class Gateway:
    """A pod that phones may be connected to."""

    uid: str
    address: str
    counts: bool
    """Whether nobody is counted without it: it takes phones."""


class Gateways:
    """Follows pods as they come and go; `heard` is called when figures change."""

    def __init__(self, port: int, token: str, heard: Callable[[], None]) -> None:
        self._port = port
        self._token = token
        self._heard = heard
        self._level = Level()
        self._lines: dict[tuple[str, str], Line] = {}
        self._needed: frozenset[tuple[str, str]] = frozenset()

    def follow(self, gateways: Iterable[Gateway]) -> None:
        """These are the pods, and no others."""
        there = {(gateway.uid, gateway.address): gateway for gateway in gateways}
        for place in self._lines.keys() - there.keys():
            self._lines.pop(place).close()
        for place, gateway in there.items():
            if place not in self._lines:
                self._lines[place] = self._dial(gateway)
        self._needed = frozenset(place for place, gateway in there.items() if gateway.counts)

    async def tell(self, live: Iterable[Session], endings: Mapping[str, str]) -> None:
        """These are the sessions."""
        await self._level.set(_told(live, endings))

    @property
    def figures(self) -> Figures | None:
        """Of all; None while a gateway that takes phones is silent, or while there is none."""
        said = {place: line.figures for place, line in self._lines.items()}
        if not self._needed or any(said[place] is None for place in self._needed):
            return None
        return summed(figures for figures in said.values() if figures is not None)

    def close(self) -> None:
        """Hangs up on all."""
        self.follow(())

    def _dial(self, gateway: Gateway) -> Line:
        host = f"[{gateway.address}]" if ":" in gateway.address else gateway.address
        url = f"ws://{host}:{self._port}/operator"
        return Line(url, self._token, self._level, self._heard)


def _told(live: Iterable[Session], endings: Mapping[str, str]) -> str:
    """In an order of its own, so that the same sessions are the same text."""
    sessions = {session.name: _limits(session) for session in live}
    return json.dumps({"type": "sessions", "live": sessions, "ended": endings}, sort_keys=True)


def _limits(session: Session) -> dict[str, object]:
    return {
        "uid": session.uid,
        "max_clients": session.spec.max_clients,
        "languages": list(session.spec.languages),
        "voice_cloning": session.spec.voice_cloning,
    }
