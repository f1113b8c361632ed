"""One phone: what it says on `/ws/client`, from the join to the good-bye."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

from msgspec import structs

from babblefish import protocol
from babblefish.gateway.interpreter import Participant
from babblefish.gateway.line import Line
from babblefish.gateway.microphone import Ears, Microphone
from babblefish.gateway.outbox import Outbox
from babblefish.gateway.sessions import Session, Sessions
from babblefish.languages import UnknownLanguage, normalise
from babblefish.protocol import Languages, Person, Refusal
from babblefish.settings import Settings

_CODEC = "pcm16"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a phone needs of the gateway."""

    settings: Settings
    sessions: Sessions
    ears: Ears
    languages: Languages


class Phone:
    """A line that is, once joined, a participant of a session."""

    def __init__(self, exchange: Exchange, line: Line) -> None:
        self._exchange = exchange
        self._line = line
        self._interpreter = exchange.ears.interpreter
        self._bus = self._interpreter.bus
        self._told_unheard = ""
        self.person = Person(secrets.token_hex(6), "", "")

    @property
    def outbox(self) -> Outbox:
        """Where what it is told is put."""
        return self._line.outbox

    async def talk(self, query: dict[str, str]) -> None:
        """Until it leaves; raises `HungUp`, and `Refusal` for what costs the connection."""
        join = protocol.join_from_query(query) if query.get("session") else await self._greet()
        self._become(join)
        async with self._joined(join.session) as (session, microphone):
            while await self._obey_next(session, microphone):
                pass

    # ── joining ──────────────────────────────────────────────────────────────────────────────

    async def _greet(self) -> protocol.Join:
        """Waits for `join`, whatever else comes first."""
        try:
            async with asyncio.timeout(self._exchange.settings.join_timeout_s):
                while True:
                    with self._line.refusals_answered():
                        return await self._read_join()
        except TimeoutError:
            raise Refusal(
                "join_timeout", "No `join` came in time.", protocol.CLOSE_JOIN_TIMEOUT
            ) from None

    async def _read_join(self) -> protocol.Join:
        data = await self._line.next()
        message = None if isinstance(data, bytes) else protocol.decode(data)
        if not isinstance(message, protocol.Join):
            raise Refusal("not_joined", "The first message is `join`.")
        return message

    def _become(self, join: protocol.Join) -> None:
        """Takes name and language of the `join`; what cannot be taken costs the connection."""
        try:
            name = protocol.clean(join.name, protocol.MAX_NAME)
            language = self._language(join.language)
        except Refusal as refusal:
            close = (
                protocol.CLOSE_LANGUAGE
                if refusal.code == "unsupported_language"
                else protocol.CLOSE_BAD_JOIN
            )
            raise Refusal(refusal.code, refusal.message, close) from None
        if _CODEC not in join.codecs:
            raise Refusal(
                "unsupported_codec",
                f"None of these codecs fits; {_CODEC} does.",
                protocol.CLOSE_BAD_JOIN,
            )
        self.person = structs.replace(self.person, name=name, language=language)

    def _language(self, code: str) -> str:
        accepted = sorted({*self._exchange.languages.read, *self._exchange.languages.speak})
        with contextlib.suppress(UnknownLanguage):
            if (language := normalise(code)) in accepted:
                return language
        raise Refusal("unsupported_language", f"This server knows {', '.join(accepted)}.")

    @contextlib.asynccontextmanager
    async def _joined(self, name: str) -> AsyncIterator[tuple[Session, Microphone]]:
        """In the session, present on the bus, and listened to."""
        async with self._exchange.sessions.join(name) as session:
            try:
                await self._enter(session)
                people = await self._bus.people(session.name)
                self.outbox.put(self._welcome(session.name, people))
                with session.attached(self):
                    async with self._listened_to(session) as microphone:
                        yield session, microphone
            finally:
                await self._bus.leave(session.name, self.person.client_id)

    def _welcome(self, session: str, people: list[Person]) -> protocol.Joined:
        return protocol.Joined(
            client_id=self.person.client_id,
            session=session,
            participants=people,
            languages=self._exchange.languages,
            codec=_CODEC,
            heartbeat_s=self._exchange.settings.heartbeat_s,
        )

    @contextlib.asynccontextmanager
    async def _listened_to(self, session: Session) -> AsyncIterator[Microphone]:
        microphone = Microphone(self._exchange.ears, Participant(session.name, self.person))
        listening = asyncio.create_task(microphone.listen())
        try:
            yield microphone
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    # ── joined ───────────────────────────────────────────────────────────────────────────────

    async def _obey_next(self, session: Session, microphone: Microphone) -> bool:
        """Does what the next frame says; false for good-bye."""
        with self._line.refusals_answered():
            data = await self._line.next()
            if isinstance(data, bytes):
                self._hear(microphone, data)
            else:
                message = protocol.decode(data)
                if isinstance(message, protocol.Leave):
                    return False
                await self._obey(session, microphone, message)
        return True

    async def _obey(self, session: Session, microphone: Microphone, message: protocol.Up) -> None:
        match message:
            case protocol.EndOfSpeech():
                microphone.end_of_speech()
            case protocol.Text(text):
                self._check_writing()
                await microphone.type(protocol.clean(text, protocol.MAX_TEXT))
            case protocol.SetLanguage(language):
                await self._change(session, microphone, language=self._language(language))
            case protocol.SetName(name):
                name = protocol.clean(name, protocol.MAX_NAME)
                await self._change(session, microphone, name=name)
            case protocol.Ping(id=number):
                self.outbox.put(protocol.Pong(number))
            case protocol.Consent():
                raise Refusal("no_cloning", "Nothing here clones voices; no consent is needed.")
            case protocol.Join():
                raise Refusal("already_joined", "This phone has joined already.")

    def _hear(self, microphone: Microphone, pcm: bytes) -> None:
        """Speech that nothing here understands is refused once, then ignored."""
        language, speak = self.person.language, self._exchange.languages.speak
        if language in speak:
            microphone.hear(pcm)
        elif language != self._told_unheard:
            self._told_unheard = language
            raise Refusal(
                "unsupported_speech",
                f"Nothing here understands spoken {language!r}, only {', '.join(speak)}: type.",
            )

    def _check_writing(self) -> None:
        language, write = self.person.language, self._exchange.languages.write
        if language not in write:
            raise Refusal(
                "unsupported_text",
                f"Nothing here translates from {language!r}, only from {', '.join(write)}.",
            )

    async def _change(self, session: Session, microphone: Microphone, **changes: str) -> None:
        self.person = structs.replace(self.person, **changes)
        microphone.speaker = Participant(session.name, self.person)
        await self._enter(session)

    async def _enter(self, session: Session) -> None:
        await self._bus.enter(session.name, self.person)
        await self._interpreter.prepare(session.name)
