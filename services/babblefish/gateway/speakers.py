"""Who speaks in the sessions of this gateway: voices, their names and numbers.

Without a speaker stage, whoever holds a phone is who speaks into it.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from weakref import WeakValueDictionary

from babblefish import metrics
from babblefish.audio import Samples
from babblefish.errors import BabbleFishError
from babblefish.gateway.bus import Bus, Named, Renamed
from babblefish.gateway.consent import Consents
from babblefish.gateway.interpreter import Participant
from babblefish.gateway.tickets import Live
from babblefish.people import Person, Speaker, lowest_free
from babblefish.protocol import Refusal
from babblefish.registry.identity import Decision, Heard
from babblefish.registry.registry import Registry
from babblefish.registry.store import Kept, SessionKey
from babblefish.speaker.base import NoVoice, SpeakerEncoder
from babblefish.stage import deadline
from babblefish.telemetry import log
from babblefish.voices.collecting import Collector
from babblefish.voices.own import Own
from babblefish.voices.quality import Said

_log = log(__name__)


class Speakers:
    """Hears voices, and knows those of each session."""

    def __init__(
        self,
        encoder: SpeakerEncoder | None,
        registry: Registry,
        bus: Bus,
        deadline_s: float,
        *,
        cloning: bool = False,
    ) -> None:
        self._encoder = encoder
        self._registry = registry
        self._deadline_s = deadline_s
        self.bus = bus
        self.own = Own(registry)
        self.consents = Consents(self.own, bus, listening=encoder is not None, adhoc=cloning)
        self._collector = encoder and Collector(
            self.own, encoder, deadline_s, self.consents.tell_progress
        )
        self._open: dict[str, SessionKey] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._failing = False

    @property
    def listening(self) -> bool:
        """Whether voices are told apart here."""
        return self._encoder is not None

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """While open, voices of who consents are collected, and a no from anywhere is noticed."""
        work = [self.own.watch(), self.consents.watch()]
        work += [self._collector.collect()] if self._collector else []
        tasks = [asyncio.create_task(coroutine) for coroutine in work]
        for task in tasks:
            task.add_done_callback(_ended)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.consents.close()

    # ── utterances ───────────────────────────────────────────────────────────────────────────

    async def hear(self, speech: Samples, seconds: float) -> Heard | None:
        """The voice of `speech`, of which so many seconds are voice; `None` where none is heard."""
        started = time.monotonic()
        try:
            heard = await self._embed(speech, seconds)
        except NoVoice:
            metrics.IDENTIFICATIONS.labels("unsure").inc()
            return None
        except (BabbleFishError, TimeoutError) as error:
            self._fail(error)
            return None
        self._failing = False
        metrics.IDENTIFICATION.observe(time.monotonic() - started)
        return heard

    async def recognise(self, phone: Participant, heard: Heard) -> Decision:
        """Who that probably is; nothing is learned yet."""
        return await self._identify(phone, heard, keep=False)

    async def learn(self, phone: Participant, heard: Heard) -> Decision:
        """Whose voice it is, from now on known or known better."""
        async with self._alone(phone.session):
            decision = await self._identify(phone, heard, keep=True)
        metrics.IDENTIFICATIONS.labels(decision.outcome).inc()
        return decision

    def collect(self, said: Said) -> None:
        """Something that a voice said who consents: perhaps it is good enough to clone it from."""
        if self._collector:
            self._collector.offer(said)

    # ── people ───────────────────────────────────────────────────────────────────────────────

    @contextlib.asynccontextmanager
    async def seating(self, session: str) -> AsyncIterator[int]:
        """The first number that nobody in the session has, for whoever enters it in the block."""
        async with self._alone(session):
            voices = await self._registry.voices(session) if self._encoder else []
            people = await self.bus.people(session)
            numbers = [voice.speaker.number for voice in voices]
            yield lowest_free([*numbers, *(person.voice for person in people)])

    async def rename(self, session: str, speaker_id: str, name: str) -> None:
        """From now on the speaker is called that; raises `Refusal` if there is none."""
        people = await self.bus.people(session)
        if any(person.client_id == speaker_id for person in people):
            await self.bus.publish(session, Renamed(speaker_id, name))
        elif voice := await self._registry.rename(session, speaker_id, name):
            await self.bus.publish(session, Named(voice.speaker))
        else:
            raise Refusal("unknown_speaker", "Nobody in this session has this `speaker_id`.")

    async def renamed(self, session: str, person: Person) -> None:
        """A participant has another name: so has their voice."""
        await self._registry.rename(session, person.client_id, person.name)
        speaker = Speaker(person.client_id, person.name, person.voice)
        await self.bus.publish(session, Named(speaker))

    # ── sessions ─────────────────────────────────────────────────────────────────────────────

    async def begin(self, session: SessionKey) -> None:
        """The first participant comes; a former session of that name is none of theirs."""
        self._open[session.name] = session
        await self._registry.begin(session)

    async def leave(self, session: SessionKey, *, over: bool) -> None:
        """The last participant is gone: the voices of a session that is over are forgotten."""
        async with self._alone(session.name):
            if self._open.get(session.name) is not session:  # somebody came in the meantime
                return
            del self._open[session.name]
            if over and not await self.bus.people(session.name):
                await self._registry.end(session)

    async def govern(self, live: Mapping[str, Live]) -> None:
        """The operator's word: which sessions there are, and whether voices are cloned in them."""
        await self._registry.end_governed({name: session.uid for name, session in live.items()})
        await self.consents.govern({name: it.voice_cloning for name, it in live.items()})

    async def forget_abandoned(self, after_s: float) -> None:
        """What a gateway left that ended in disorder, once its phones had time to come back."""
        await asyncio.sleep(after_s)
        await self._registry.end_adhoc(frozenset(self._open))

    async def all(self) -> list[Kept]:
        """Every voice of every session."""
        return await self._registry.all()

    async def _embed(self, speech: Samples, seconds: float) -> Heard:
        encoder = self._encoder
        if encoder is None:
            raise NoVoice("Nobody is known by voice here.", "Set BABBLEFISH_SPEAKER.")
        async with deadline.within(self._deadline_s):
            voiceprint = await encoder.embed(speech)
        return Heard(voiceprint, seconds, encoder.model, encoder.threshold, secrets.token_hex(6))

    async def _identify(self, phone: Participant, heard: Heard, *, keep: bool) -> Decision:
        """Unsure where the participant is gone: of a session that is over, nothing is kept."""
        people = await self.bus.people(phone.session)
        person = next((person for person in people if person.client_id == phone.id), None)
        if person is None:
            return Decision("unsure")
        session = self._open.get(phone.session, SessionKey(phone.session))
        cloning = self.consents.allows(phone.session)
        return await self._registry.identify(
            session, heard, person, people, keep=keep, cloning=cloning
        )

    def _fail(self, error: Exception) -> None:
        """Told once, until it works again: people speak all the time."""
        metrics.IDENTIFICATIONS.labels("failed").inc()
        if not self._failing:
            self._failing = True
            _log.warning("speakers_unknown", error=type(error).__name__)

    @contextlib.asynccontextmanager
    async def _alone(self, session: str) -> AsyncIterator[None]:
        """One at a time changes who is known in a session."""
        lock = self._locks.get(session) or self._locks.setdefault(session, asyncio.Lock())
        async with lock:
            yield


def _ended(task: asyncio.Task[None]) -> None:
    """None of them ends by itself."""
    if not task.cancelled() and (error := task.exception()):
        _log.error("voices_unwatched", exc_info=error)
