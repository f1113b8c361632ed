"""The operator's line to this gateway: counts go up, what sessions there are comes down.

Both are levels, not changes: whoever misses one learns the whole from the next. JSON both ways.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import msgspec
from fastapi import WebSocket, WebSocketDisconnect
from msgspec import Struct

from babblefish.bell import Bell
from babblefish.gateway.bus import Equipped
from babblefish.gateway.seats import Seats
from babblefish.gateway.sessions import Sessions
from babblefish.gateway.tickets import Live
from babblefish.protocol import CLOSE_ENDED, CLOSE_POLICY, Refusal
from babblefish.telemetry import log

_AT_LEAST_EVERY_S = 2.0
_COALESCED_S = 0.05
_WHY = {
    "deleted": "This session was ended.",
    "expired": "The time of this session is over.",
    "suspended": "This session is suspended.",
}

_log = log(__name__)


class Count(Struct, frozen=True):
    """How many are in a session on this gateway, and which languages they hear."""

    clients: int
    languages: list[str]


class Accelerating(Struct, frozen=True):
    """The laptops that clone voices for this gateway, and what they speak."""

    laptops: int
    languages: list[str]


class Counts(Struct, frozen=True, tag="counts"):
    """Every session that somebody is in, here."""

    sessions: Mapping[str, Count]
    accelerators: Accelerating = Accelerating(0, [])


class Governed(Struct, frozen=True, tag="sessions"):
    """Every session that there is, and why others are no more."""

    live: Mapping[str, Live]
    ended: Mapping[str, str] = {}


class Overseer:
    """Answers operators; several at a time hear the same."""

    def __init__(
        self, sessions: Sessions, seats: Seats, census: Bell, equipped: Callable[[], Equipped]
    ) -> None:
        self._equipped = equipped
        self._sessions = sessions
        self._seats = seats
        self._census = census

    async def answer(self, socket: WebSocket) -> None:
        """Until the operator hangs up."""
        await socket.accept()
        reporting = asyncio.create_task(self._report(socket))
        try:
            while True:
                await self._govern(msgspec.json.decode(await socket.receive_text(), type=Governed))
        except WebSocketDisconnect:
            return
        except (msgspec.DecodeError, KeyError):
            await socket.close(CLOSE_POLICY, "not understood")
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)

    async def _report(self, socket: WebSocket) -> None:
        with self._census.listening() as bell:
            while True:
                bell.clear()
                await socket.send_text(msgspec.json.encode(self._counts()).decode())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_AT_LEAST_EVERY_S):
                        await bell.wait()
                        await asyncio.sleep(_COALESCED_S)

    def _counts(self) -> Counts:
        languages: dict[str, list[str]] = {}
        for seat in self._seats.all:
            languages.setdefault(seat.session, []).append(seat.person.language)
        equipped = self._equipped()
        return Counts(
            {name: Count(len(heard), sorted(set(heard))) for name, heard in languages.items()},
            Accelerating(equipped.laptops, equipped.languages),
        )

    async def _govern(self, governed: Governed) -> None:
        """Who sits in a session that is no more is told why."""
        await self._sessions.govern(governed.live)
        for seat in self._seats.all:
            if seat.ticket and not self._sessions.admits(seat.ticket):
                why = governed.ended.get(seat.session, "deleted")
                seat.end(Refusal("session_ended", _WHY.get(why, _WHY["deleted"]), CLOSE_ENDED))
                _log.info("phone_dismissed", why=why)
