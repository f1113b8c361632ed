"""One phone: what it says on `/ws/client`, from the join to the good-bye."""

import asyncio
import contextlib
import secrets
from typing import Literal

from babblefish import metrics, protocol
from babblefish.gateway import tickets
from babblefish.gateway.line import Line
from babblefish.gateway.seat import CODEC, Exchange, Seat
from babblefish.gateway.seats import Seats
from babblefish.gateway.tickets import Ticket
from babblefish.languages import UnknownLanguage, normalise
from babblefish.people import Person
from babblefish.protocol import Refusal, down, up


class Phone:
    """A line that is, once joined, a participant's."""

    def __init__(self, exchange: Exchange, seats: Seats, line: Line, *, trusted: bool) -> None:
        self._exchange = exchange
        self._trusted = trusted
        self._seats = seats
        self._line = line
        self._told_unheard = ""

    async def talk(self, query: dict[str, str]) -> None:
        """Until it leaves; raises `HungUp`, and `Refusal` for what costs the connection."""
        join = up.join_from_query(query) if query.get("session") else await self._greet()
        ticket = self._ticket(join)
        self._check_started()
        self._exchange.quotas.calls.spend({"session": join.session}, close=protocol.CLOSE_FULL)
        person = self._person(join, ticket)
        resumed = await self._resume(join)
        seat = resumed or await self._seats.take(join.session, person, ticket)
        async with seat.held_by(self._line):
            if join.consent is not None and not resumed:
                await self._consent(seat, join.consent)
            await self._obey_all(seat)

    # ── joining ──────────────────────────────────────────────────────────────────────────────

    async def _greet(self) -> up.Join:
        """Waits for `join`, whatever else comes first."""
        try:
            async with asyncio.timeout(self._exchange.settings.join_timeout_s):
                while True:
                    async with self._line.refusals_answered():
                        return await self._read_join()
        except TimeoutError:
            raise Refusal(
                "join_timeout", "No `join` came in time.", protocol.CLOSE_JOIN_TIMEOUT
            ) from None

    async def _read_join(self) -> up.Join:
        data = await self._line.next()
        message = None if isinstance(data, bytes) else up.decode(data)
        if not isinstance(message, up.Join):
            raise Refusal("not_joined", "The first message is `join`.")
        return message

    def _ticket(self, join: up.Join) -> Ticket | None:
        """Of a session that an operator made; for others, the token of this server will do."""
        key = self._exchange.settings.session_key
        if key is None or join.token is None or not tickets.looks_like_one(join.token):
            self._check_token(join.token)
            return None
        return tickets.verified(join.token, join.session, key.get_secret_value())

    def _check_token(self, token: str | None) -> None:
        """Who is not at this very machine was given a link with the token."""
        expected = self._exchange.settings.token.encode()
        if self._trusted or not expected:
            return
        if not secrets.compare_digest((token or "").encode(errors="replace"), expected):
            raise Refusal(
                "bad_token", "Join by the link, or the code, of this server.", protocol.CLOSE_TOKEN
            )

    def _check_started(self) -> None:
        """Engines in other processes are not known before they were found."""
        if not self._exchange.languages.read:
            raise Refusal(
                "starting", "The engines are starting. Call again.", protocol.CLOSE_TRY_LATER
            )

    async def _resume(self, join: up.Join) -> Seat | None:
        """The seat that the phone had, if it is kept and so is all that the phone missed."""
        seat = self._seats.find(join.resume)
        if seat is None or seat.session != join.session or not seat.take_back(join.last_seq):
            return None
        people = await self._exchange.ears.interpreter.bus.people(seat.session)
        welcome = seat.welcome(people, self._seats.renew(seat))
        await self._line.tell(welcome, seq=join.last_seq)
        metrics.RESUMED.inc()
        return seat

    async def _consent(self, seat: Seat, word: str) -> None:
        """Of a `join`, which holds whatever the server can."""
        with contextlib.suppress(Refusal):
            await seat.consent(word)

    def _person(self, join: up.Join, ticket: Ticket | None) -> Person:
        """Name and language of the `join`; what cannot be taken costs the connection."""
        try:
            name = join.name and protocol.clean(join.name, protocol.MAX_NAME)
            language = self._language(join.language, ticket)
        except Refusal as refusal:
            close = (
                protocol.CLOSE_LANGUAGE
                if refusal.code == "unsupported_language"
                else protocol.CLOSE_BAD_JOIN
            )
            raise Refusal(refusal.code, refusal.message, close) from None
        if CODEC not in join.codecs:
            raise Refusal(
                "unsupported_codec",
                f"None of these codecs fits; {CODEC} does.",
                protocol.CLOSE_BAD_JOIN,
            )
        named: Literal["phone", "server"] = "phone" if name else "server"
        return Person(secrets.token_hex(6), name, language, named=named)

    def _language(self, code: str, ticket: Ticket | None) -> str:
        known = {*self._exchange.languages.read, *self._exchange.languages.speak}
        accepted = sorted(known & ticket.languages if ticket and ticket.languages else known)
        with contextlib.suppress(UnknownLanguage):
            if (language := normalise(code)) in accepted:
                return language
        raise Refusal("unsupported_language", f"Choose from {', '.join(accepted)}.")

    # ── joined ───────────────────────────────────────────────────────────────────────────────

    async def _obey_all(self, seat: Seat) -> None:
        confirmed = False
        try:
            while not seat.outbox.finished:
                async with self._line.refusals_answered():
                    data = await self._line.next()
                    if not confirmed:
                        self._seats.confirm(seat)
                        confirmed = True
                    self._exchange.quotas.bytes.spend(seat.scopes, len(data))
                    await self._obey_frame(seat, data)
        except Refusal as refusal:  # the phone is cut off, and will not come back to this seat
            await self._line.hang_up(refusal)
            seat.leave()

    async def _obey_frame(self, seat: Seat, data: str | bytes) -> None:
        if isinstance(data, bytes):
            self._hear(seat, data)
        else:
            await self._obey(seat, up.decode(data))

    async def _obey(self, seat: Seat, message: up.Up) -> None:
        match message:
            case up.EndOfSpeech():
                seat.microphone.end_of_speech()
            case up.Text(text, text_id):
                self._check_writing(seat)
                self._exchange.quotas.utterances.spend(seat.scopes)
                await seat.type(protocol.clean(text, protocol.MAX_TEXT), text_id)
            case up.SetLanguage(language):
                await seat.change(language=self._language(language, seat.ticket))
            case up.SetName(name):
                await seat.rename(protocol.clean(name, protocol.MAX_NAME))
            case up.NameSpeaker(speaker_id, name):
                cleaned = protocol.clean(name, protocol.MAX_NAME)
                await self._exchange.speakers.rename(seat.session, speaker_id, cleaned)
            case up.Ping(id=number):
                seat.outbox.put(down.Pong(number))
            case up.Leave():
                seat.leave()
            case up.Consent(consent, wording):
                await seat.consent(consent, wording)
            case up.Join():
                raise Refusal("already_joined", "This phone has joined already.")

    def _hear(self, seat: Seat, pcm: bytes) -> None:
        """Speech that nothing here understands is refused once, then ignored."""
        seat.received += len(pcm)
        language, speak = seat.person.language, self._exchange.languages.speak
        if language in speak:
            seat.microphone.hear(pcm, seat.received)
        elif language != self._told_unheard:
            self._told_unheard = language
            raise Refusal(
                "unsupported_speech",
                f"Nothing here understands spoken {language!r}, only {', '.join(speak)}: type.",
            )

    def _check_writing(self, seat: Seat) -> None:
        language, write = seat.person.language, self._exchange.languages.write
        if language not in write:
            raise Refusal(
                "unsupported_text",
                f"Nothing here translates from {language!r}, only from {', '.join(write)}.",
            )
