"""Sessions on this gateway: what the bus says, handed to the phones that are connected here."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Protocol

import msgspec

from babblefish import metrics
from babblefish.gateway.bus import (
    Bus,
    Captioned,
    Cloned,
    Equipped,
    Event,
    Interpreted,
    Named,
    Present,
    Private,
    Renamed,
    Told,
)
from babblefish.gateway.outbox import Outbox, Worth
from babblefish.gateway.speakers import Speakers
from babblefish.gateway.tickets import Live, Ticket
from babblefish.people import Person, Speaker
from babblefish.protocol import CLOSE_ENDED, CLOSE_FULL, CLOSE_SESSION, Refusal
from babblefish.protocol.down import (
    Accelerator,
    ClonedResult,
    Error,
    Partial,
    Participants,
    Result,
    SpeakerUpdate,
    encode,
)
from babblefish.registry.store import SessionKey


class Listener(Protocol):
    """A phone, as far as a session knows it."""

    @property
    def person(self) -> Person:
        """Who holds it, and the language it hears."""

    @property
    def outbox(self) -> Outbox:
        """Where what it is told is put."""

    def renamed(self, name: str) -> None:
        """Somebody else gave its participant another name."""

    def know(self, speaker: Speaker) -> None:
        """Somebody has another name, or was recognised late."""


class Session:
    """The phones of one session on this gateway."""

    def __init__(self, name: str, equipped: Callable[[], Equipped | None]) -> None:
        self.name = name
        self._equipped = equipped
        self._listeners: dict[str, Listener] = {}

    @contextlib.contextmanager
    def attached(self, listener: Listener) -> Iterator[None]:
        """The listener is told what the session is told."""
        self._listeners[listener.person.client_id] = listener
        if equipped := self._equipped():
            listener.outbox.put(_accelerator(equipped))
        try:
            yield
        finally:
            del self._listeners[listener.person.client_id]

    async def deliver(self, events: AsyncIterator[Event]) -> None:
        """Hands out events for ever."""
        async for event in events:
            match event:
                case Present():
                    self._to_all(encode(Participants(event.people)))
                case Captioned():
                    self._caption(event)
                case Interpreted():
                    self._interpret(event)
                case Cloned():
                    self._clone(event)
                case Equipped() if self._equipped():
                    self._to_all(encode(_accelerator(event)))
                case Named():
                    self._tell_name(event)
                case Renamed() | Told() | Private():
                    if listener := self._listeners.get(event.client_id):
                        _tell_alone(listener, event)

    def _to_all(self, body: bytes, lean: bytes | None = None) -> None:
        for listener in self._listeners.values():
            listener.outbox.put_encoded(body, lean, Worth.CAPTION)

    def _caption(self, event: Captioned) -> None:
        self._to_all(encode(_partial(event)), None if event.final else b"")

    def _tell_name(self, event: Named) -> None:
        for listener in self._listeners.values():
            listener.know(event.speaker)
        speaker = event.speaker
        update = SpeakerUpdate(speaker.id, speaker.name, speaker.color, event.utterance_id)
        self._to_all(encode(update))

    def _interpret(self, event: Interpreted) -> None:
        """Encoded once, with and without speech."""
        result = _result(event)
        body = encode(result)
        lean = encode(msgspec.structs.replace(result, tts_audio=None, tts_voice=None))
        for listener in self._listeners_to(event):
            listener.outbox.put_encoded(body, lean if event.wav else None, Worth.STOCK_VOICE)

    def _clone(self, event: Cloned) -> None:
        body = encode(_cloned_result(event))
        for listener in self._listeners_to(event):
            listener.outbox.put_encoded(body, b"", Worth.CLONED_VOICE)

    def _listeners_to(self, event: Interpreted | Cloned) -> Iterator[Listener]:
        """Everybody who hears the language, but not the speaker."""
        for listener in self._listeners.values():
            person = listener.person
            if person.language == event.language and person.client_id != event.client_id:
                yield listener


class Sessions:
    """Sessions by name; one exists here while a phone of it is connected here.

    `equipped`: which laptops there are now; none where nobody is cloned.
    """

    def __init__(
        self,
        bus: Bus,
        speakers: Speakers,
        *,
        adhoc: bool,
        capacity: int,
        equipped: Callable[[], Equipped | None] = lambda: None,
    ) -> None:
        self._bus = bus
        self._speakers = speakers
        self._equipped = equipped
        self._adhoc = adhoc
        self._capacity = capacity
        self._open: dict[str, _Open] = {}
        self._live: dict[str, Live] | None = None

    async def people(self) -> dict[str, list[Person]]:
        """Who is in each session."""
        return {name: await self._bus.people(name) for name in sorted(self._open)}

    async def govern(self, live: Mapping[str, Live]) -> None:
        """The operator's word: which sessions there are, by name."""
        if self._live != live:
            self._live = dict(live)
            await self._speakers.govern(live)

    def admits(self, ticket: Ticket) -> bool:
        """Whether its session still is; true as long as no operator said anything."""
        if self._live is None:
            return True
        live = self._live.get(ticket.session)
        return live is not None and live.uid == ticket.sub

    @contextlib.asynccontextmanager
    async def join(self, name: str, ticket: Ticket | None = None) -> AsyncIterator[Session]:
        """The session, opened by whoever joins first; raises `Refusal`."""
        if not (self._adhoc or ticket):
            raise Refusal("unknown_session", "Nobody opened this session.", CLOSE_SESSION)
        if ticket and not self.admits(ticket):
            raise Refusal("session_ended", "This session is over.", CLOSE_ENDED)
        capacity = min(self._capacity, (ticket and ticket.max_clients) or self._capacity)
        if len(await self._bus.people(name)) >= capacity:
            raise Refusal("session_full", f"{capacity} phones are in it.", CLOSE_FULL)
        entry = self._open.get(name)
        if entry is None:
            key = SessionKey(name, ticket.sub if ticket else "")
            session = Session(name, self._equipped)
            entry = self._open[name] = _Open(session, self._bus, key)
            metrics.SESSIONS.inc()
        entry.phones += 1
        try:
            if entry.phones == 1:
                await self._speakers.begin(entry.key)
            yield entry.session
        finally:
            entry.phones -= 1
            if not entry.phones:
                del self._open[name]
                metrics.SESSIONS.dec()
                await entry.close()
                over = ticket is None or not self.admits(ticket)
                await self._speakers.leave(entry.key, over=over)


class _Open:
    """A session with the task that listens to the bus for it."""

    def __init__(self, session: Session, bus: Bus, key: SessionKey) -> None:
        self.session = session
        self.key = key
        self.phones = 0
        self._subscription = contextlib.ExitStack()
        events = self._subscription.enter_context(bus.subscribe(session.name))
        self._task = asyncio.create_task(session.deliver(events), name=f"session {session.name}")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._subscription.close()


def _tell_alone(listener: Listener, event: Renamed | Told | Private) -> None:
    match event:
        case Renamed(name=name):
            listener.renamed(name)
        case Told(code=code, message=message):
            listener.outbox.put(Error(code, message))
        case Private(message=note):
            listener.outbox.put(note)


def _partial(event: Captioned) -> Partial:
    return Partial(
        event.utterance_id,
        event.speaker.id,
        event.speaker.name,
        event.language,
        event.text,
        event.final,
        event.text_id,
        event.client_id,
        event.speaker.color,
    )


def _result(event: Interpreted) -> Result:
    return Result(
        utterance_id=event.utterance_id,
        speaker_id=event.speaker.id,
        speaker_name=event.speaker.name,
        transcript=event.transcript,
        translation=event.translation,
        source_language=event.source_language,
        target_language=event.target_language,
        tts_audio=event.wav,
        tts_voice=event.voice,
        has_f5_pending=event.f5_pending,
        latency_ms=event.latency_ms,
        stages=event.stages,
        client_id=event.client_id,
        speaker_color=event.speaker.color,
    )


def _accelerator(event: Equipped) -> Accelerator:
    return Accelerator(event.laptops, event.languages)


def _cloned_result(event: Cloned) -> ClonedResult:
    return ClonedResult(
        utterance_id=event.utterance_id,
        speaker_id=event.speaker.id,
        speaker_name=event.speaker.name,
        target_language=event.language,
        tts_audio=event.wav,
        timestamp=event.made_at,
        latency_ms=event.latency_ms,
        client_id=event.client_id,
        speaker_color=event.speaker.color,
    )
