"""A participant's place in a session: it outlives the socket, so that a phone can come back."""

import asyncio
import contextlib
import itertools
import secrets
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from msgspec import structs

from babblefish import metrics, protocol
from babblefish.gateway.census import Census
from babblefish.gateway.engines import Engines
from babblefish.gateway.interpreter import Participant
from babblefish.gateway.line import Line
from babblefish.gateway.microphone import Ears, Microphone
from babblefish.gateway.outbox import Outbox
from babblefish.gateway.quota import Quotas
from babblefish.gateway.sessions import Session, Sessions
from babblefish.gateway.tickets import Ticket
from babblefish.protocol import Languages, Person, Refusal
from babblefish.settings import Settings
from babblefish.telemetry import log

_log = log(__name__)

CODEC = "pcm16"
_REMEMBERED_TEXTS = 64


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a seat needs of the gateway."""

    settings: Settings
    sessions: Sessions
    ears: Ears
    engines: Engines
    quotas: Quotas
    census: Census

    @property
    def languages(self) -> Languages:
        """What the engines can now."""
        return self.engines.languages


class Seat:
    """A person in a session, what they are told, and their microphone."""

    def __init__(
        self, exchange: Exchange, session: str, person: Person, ticket: Ticket | None = None
    ) -> None:
        self._exchange = exchange
        self.ticket = ticket
        self._interpreter = exchange.ears.interpreter
        self._line: Line | None = None
        self._address = ""
        self._vacated = asyncio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        self._texts: deque[str] = deque(maxlen=_REMEMBERED_TEXTS)
        self.session = session
        self.person = person
        self.received = 0
        self.outbox = Outbox(exchange.settings.outbox_bytes)
        self.microphone = Microphone(
            exchange.ears, self._participant, self._settled, self._may_speak
        )

    async def occupy(self, token: str, seated: "asyncio.Future[None]") -> None:
        """Present from here on, until it is vacated; `seated` is told that, or the refusal."""
        try:
            async with self._exchange.sessions.join(self.session, self.ticket) as session:
                await self._take_part(session, token, seated)
        except Exception as error:
            if seated.done():
                raise
            seated.set_exception(error)

    async def change(self, **changes: str) -> None:
        """Another name, another language."""
        self.person = structs.replace(self.person, **changes)
        self._exchange.census.changed()
        self.microphone.speaker = self._participant
        await self._enter()

    async def type(self, text: str, text_id: str | None) -> None:
        """Says what was typed; a text that was sent again after a drop is said once."""
        if text_id is not None and text_id in self._texts:
            return
        await self.microphone.type(text, text_id)
        if text_id is not None:  # only now: a newer line may interrupt the wait for its turn
            self._texts.append(text_id)

    def end(self, refusal: Refusal) -> None:
        """The session is over: its phone is told why, then hung up on."""
        metrics.REFUSALS.labels(refusal.code).inc()
        self.outbox.put(protocol.Error(refusal.code, refusal.message))
        self.leave()
        if self._line:
            self._line.dismiss(refusal.close or protocol.CLOSE_ENDED, refusal.code)

    def leave(self) -> None:
        """Gone on purpose."""
        self.outbox.finish()
        self._vacated.set()

    def take_back(self, last_seq: int) -> bool:
        """A phone is back that has everything up to `last_seq`; false if it cannot have the rest.

        The newer socket wins: the former one must not take what is sent again.
        """
        if self._line:
            self._line.interrupt(protocol.CLOSE_REPLACED, "replaced")
        if self.outbox.rewind(last_seq):
            return True
        self.leave()
        return False

    @contextlib.asynccontextmanager
    async def held_by(self, line: Line) -> AsyncIterator[None]:
        """The line is this participant's."""
        if self._expiry:
            self._expiry.cancel()
        self._line = line
        self._address = line.address
        self.microphone.line_is(up=True)
        try:
            async with line.carrying(self.outbox):
                yield
        finally:
            if self._line is line:
                self._line = None
                self._await_return()

    def welcome(self, people: list[Person], token: str) -> protocol.Joined:
        """The answer to `join`."""
        return protocol.Joined(
            client_id=self.person.client_id,
            session=self.session,
            participants=people,
            languages=self._exchange.languages,
            codec=CODEC,
            heartbeat_s=self._exchange.settings.heartbeat_s,
            resume_token=token,
            received=self.received,
        )

    @property
    def scopes(self) -> dict[str, str]:
        """Whose quotas are charged for what this participant sends."""
        return {"address": self._address, "session": self.session, "server": ""}

    @property
    def _participant(self) -> Participant:
        return Participant(self.session, self.person)

    def _settled(self, received: int) -> None:
        self.outbox.put(protocol.Received(received))

    def _may_speak(self) -> bool:
        """Charges an utterance; where that is refused, its speaker is told."""
        try:
            self._exchange.quotas.utterances.spend(self.scopes)
        except Refusal as refusal:
            metrics.REFUSALS.labels(refusal.code).inc()
            self.outbox.put(protocol.Error(refusal.code, refusal.message))
            return False
        return True

    def _await_return(self) -> None:
        self.microphone.line_is(up=False)
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(self._exchange.settings.resume_s, self._vacated.set)

    async def _take_part(
        self, session: Session, token: str, seated: "asyncio.Future[None]"
    ) -> None:
        bus = self._interpreter.bus
        try:
            self._take_voice(await bus.people(self.session))
            await self._enter()
            self.outbox.put(self.welcome(await bus.people(self.session), token))
            with session.attached(self):
                async with self._listened_to():
                    seated.set_result(None)
                    await self._vacated.wait()
        finally:
            await bus.leave(self.session, self.person.client_id)

    def _take_voice(self, people: list[Person]) -> None:
        """The first that nobody has; it is kept as long as the seat."""
        taken = {person.voice for person in people}
        free = next(voice for voice in itertools.count() if voice not in taken)
        self.person = structs.replace(self.person, voice=free)
        self.microphone.speaker = self._participant

    async def _enter(self) -> None:
        await self._interpreter.bus.enter(self.session, self.person)
        await self._interpreter.prepare(self.session)

    @contextlib.asynccontextmanager
    async def _listened_to(self) -> AsyncIterator[None]:
        listening = asyncio.create_task(self.microphone.listen())
        listening.add_done_callback(self._deafened)
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _deafened(self, listening: asyncio.Task[None]) -> None:
        """A microphone that fails costs the seat: a phone that nobody hears must join again."""
        if listening.cancelled() or (error := listening.exception()) is None:
            return
        _log.error("microphone_failed", exc_info=error)
        if self._line:
            self._line.interrupt(protocol.CLOSE_FAILED, "failed")
        self.leave()


class Seats:
    """Every seat of this gateway, and the tokens by which phones come back to them."""

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
        self._exchange.census.changed()
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
        self._exchange.census.changed()
        for token in self._tokens.pop(seat, []):
            del self._by_token[token]
