"""The seats of this gateway, and the tokens by which phones come back to them."""

import asyncio
import secrets

from babblefish import metrics
from babblefish.gateway.seat import Exchange, Seat
from babblefish.gateway.tickets import Ticket
from babblefish.people import Person


class Seats:
    """Every seat that somebody has, or had so lately that they may come back."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._by_token: dict[str, Seat] = {}
        self._tokens: dict[Seat, list[str]] = {}
        self._occupied: dict[asyncio.Task[None], Seat] = {}

    async def take(self, session: str, person: Person, ticket: Ticket | None = None) -> Seat:
        """A new seat; raises `Refusal` if there is none to be had."""
        seat = Seat(self._exchange, session, person, ticket)
        seated: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            seat.occupy(self.renew(seat), seated), name=f"seat {person.client_id}"
        )
        self._occupied[task] = seat
        metrics.SEATS.inc()
        task.add_done_callback(self._vacate)
        await seated
        self._exchange.census.ring()
        return seat

    @property
    def all(self) -> list[Seat]:
        """Every seat that somebody has."""
        return list(self._occupied.values())

    def find(self, token: str | None) -> Seat | None:
        """The seat of a phone that comes back, while it is kept."""
        return self._by_token.get(token) if token else None

    def renew(self, seat: Seat) -> str:
        """Another token; the former ones stay valid until `confirm`."""
        token = secrets.token_urlsafe(16)
        self._by_token[token] = seat
        self._tokens.setdefault(seat, []).append(token)
        return token

    def confirm(self, seat: Seat) -> None:
        """The phone has used its new socket: only its newest token counts."""
        *former, newest = self._tokens.get(seat) or [""]
        for token in former:
            del self._by_token[token]
        if newest:
            self._tokens[seat] = [newest]

    async def close(self) -> None:
        """Everybody out."""
        for task in self._occupied:
            task.cancel()
        await asyncio.gather(*self._occupied, return_exceptions=True)

    def _vacate(self, task: asyncio.Task[None]) -> None:
        seat = self._occupied.pop(task)
        metrics.SEATS.dec()
        self._exchange.census.ring()
        for token in self._tokens.pop(seat, []):
            del self._by_token[token]
