"""A participant's place in a session: it outlives the socket, so that a phone can come back."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from msgspec import structs

from babblefish import metrics, protocol
from babblefish.bell import Bell
from babblefish.gateway.consent import Consents
from babblefish.gateway.engines import Engines
from babblefish.gateway.interpreter import Participant
from babblefish.gateway.line import Line
from babblefish.gateway.microphone import Ears, Microphone
from babblefish.gateway.outbox import Outbox
from babblefish.gateway.quota import Quotas
from babblefish.gateway.recognition import Recognizer
from babblefish.gateway.sessions import Session, Sessions
from babblefish.gateway.speakers import Speakers
from babblefish.gateway.tickets import Ticket
from babblefish.people import Person, Speaker, color_of, name_of
from babblefish.protocol import Refusal, down
from babblefish.protocol.down import Capabilities, Languages
from babblefish.registry.identity import Decision
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
    census: Bell
    speakers: Speakers

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
        self._namesake = ""  # the known voice that is the participant's, under another id
        self.session = session
        self.person = person
        self.received = 0
        self.outbox = Outbox(exchange.settings.outbox_bytes)
        self._recognizer = Recognizer(exchange.speakers, self._recognised, self._learned)
        self.microphone = Microphone(
            exchange.ears, self._participant, self._recognizer, self._settled, self._may_speak
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
        """Another name, another language; who is gone stays gone."""
        if self._vacated.is_set():
            return
        self.person = structs.replace(self.person, **changes)
        self._exchange.census.ring()
        self.microphone.speaker = self._participant
        await self._enter()

    async def rename(self, name: str) -> None:
        """Another name of the participant and of their voice."""
        speakers = self._exchange.speakers
        try:
            await speakers.rename(self.session, self._namesake, name)
        except Refusal:  # the name is the phone's own, or the voice was forgotten
            await self.change(name=name, named="phone", color=color_of(self.person.voice))
            await speakers.renamed(self.session, self.person)

    def renamed(self, name: str) -> None:
        """Another name, given by somebody else."""
        self._interpreter.own(self.rename(name))

    def know(self, speaker: Speaker) -> None:
        """Somebody in the session has another name, or was recognised late."""
        self._recognizer.renamed(speaker)
        if speaker.id == self._namesake and speaker.name != self.person.name:
            self._interpreter.own(self.change(name=speaker.name))

    async def type(self, text: str, text_id: str | None) -> None:
        """Says what was typed; a text that was sent again after a drop is said once."""
        if text_id is not None and text_id in self._texts:
            return
        await self.microphone.type(text, text_id)
        if text_id is not None:  # only now: a newer line may interrupt the wait for its turn
            self._texts.append(text_id)

    async def consent(self, word: str, wording: str = "") -> None:
        """Yes or no to the cloning of the participant's voice; raises `Refusal`."""
        answer = await self._consents.say(self._participant, self._voices, word, wording)
        if answer:
            self.outbox.put(answer)
        if answer and answer.speaker_id:
            await self._consents.tell_progress(answer.speaker_id)

    def end(self, refusal: Refusal) -> None:
        """The session is over: its phone is told why, then hung up on."""
        metrics.REFUSALS.labels(refusal.code).inc()
        self.outbox.put(down.Error(refusal.code, refusal.message))
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

    def welcome(self, people: list[Person], token: str) -> down.Joined:
        """The answer to `join`."""
        return down.Joined(
            client_id=self.person.client_id,
            session=self.session,
            participants=people,
            languages=self._exchange.languages,
            codec=CODEC,
            heartbeat_s=self._exchange.settings.heartbeat_s,
            resume_token=token,
            received=self.received,
            capabilities=Capabilities(cloning=self._consents.allows(self.session)),
        )

    @property
    def scopes(self) -> dict[str, str]:
        """Whose quotas are charged for what this participant sends."""
        return {"address": self._address, "session": self.session, "server": ""}

    @property
    def _participant(self) -> Participant:
        return Participant(self.session, self.person)

    def _settled(self, received: int) -> None:
        self.outbox.put(down.Received(received))

    def _may_speak(self) -> bool:
        """Charges an utterance; where that is refused, its speaker is told."""
        try:
            self._exchange.quotas.utterances.spend(self.scopes)
        except Refusal as refusal:
            metrics.REFUSALS.labels(refusal.code).inc()
            self.outbox.put(down.Error(refusal.code, refusal.message))
            return False
        return True

    def _recognised(self, speaker: Speaker) -> None:
        """The session knew already who holds this anonymous phone."""
        if self.person.named == "server":
            self._namesake = speaker.id
            change = self.change(name=speaker.name, named="voice", color=speaker.color)
            self._interpreter.own(change)

    def _learned(self, decision: Decision) -> None:
        """A voice was heard; one that consents and has the participant's name is likely theirs."""
        voice = decision.voice
        if self.person.named == "phone" and voice:
            if voice.speaker.id == self.person.client_id:
                self._namesake = ""
            elif decision.namesake and decision.consents:
                self._namesake = voice.speaker.id
        learned = self._consents.learned(self._participant, self._voices, decision)
        self._interpreter.own(learned)

    @property
    def _consents(self) -> Consents:
        return self._exchange.speakers.consents

    @property
    def _voices(self) -> list[str]:
        """Which are the participant's, if they are known."""
        return [self.person.client_id, *filter(None, [self._namesake])]

    def _await_return(self) -> None:
        self.microphone.line_is(up=False)
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(self._exchange.settings.resume_s, self._vacated.set)

    async def _take_part(
        self, session: Session, token: str, seated: "asyncio.Future[None]"
    ) -> None:
        bus = self._interpreter.bus
        try:
            async with self._exchange.speakers.seating(self.session) as number:
                self._take_number(number)
                await self._enter()
            with self._consents.attended(self.session, self.person.client_id, self.ticket):
                self.outbox.put(self.welcome(await bus.people(self.session), token))
                with session.attached(self):
                    async with self._listened_to():
                        seated.set_result(None)
                        await self._vacated.wait()
        finally:
            self._vacated.set()
            await bus.leave(self.session, self.person.client_id)

    def _take_number(self, number: int) -> None:
        """It is kept as long as the seat."""
        name = self.person.name or name_of(number)
        self.person = structs.replace(self.person, name=name, voice=number, color=color_of(number))
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
