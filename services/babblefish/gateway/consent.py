"""What participants say to the cloning of their voices, and what they are told about it."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babblefish.errors import KeptFileError
from babblefish.gateway.bus import Bus, Private
from babblefish.gateway.interpreter import Participant
from babblefish.gateway.tickets import Ticket, VoiceCloning
from babblefish.protocol import Refusal
from babblefish.protocol.down import ConsentState, Policy, TrainingProgress
from babblefish.registry.consents import Consent
from babblefish.registry.identity import Decision
from babblefish.voices.own import Own

YES = "voice"


@dataclass(slots=True)
class _Phone:
    """A participant's phone. `word`: what they said, while their voice is not known yet.

    `voice`: the consenting voice that they were told of; `last`: the one that was heard last.
    """

    session: str
    allowed: bool
    word: str | None = None
    wording: str = ""
    voice: str | None = None
    last: str | None = None


class Consents:
    """The words of this gateway's participants; `watch` is its task.

    `adhoc`: whether voices may be cloned in sessions that nobody made.
    """

    def __init__(self, own: Own, bus: Bus, *, listening: bool, adhoc: bool) -> None:
        self._own = own
        self._bus = bus
        self._listening = listening
        self._adhoc = adhoc
        self._phones: dict[str, _Phone] = {}
        self._policies: Mapping[str, VoiceCloning | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def attended(self, session: str, client_id: str, ticket: Ticket | None) -> Iterator[None]:
        """The participant is there, by that ticket."""
        allowed = ticket.voice_cloning == "OptIn" if ticket else self._adhoc
        self._phones[client_id] = _Phone(session, allowed)
        try:
            yield
        finally:
            del self._phones[client_id]

    def allows(self, session: str) -> bool:
        """Whether whoever says yes in that session is cloned."""
        return self.refusal(session) is None

    def refusal(self, session: str) -> Refusal | None:
        """Why nobody is cloned in that session; nothing where whoever says yes is."""
        if not self._listening:
            return _refusal("Nothing here clones voices")
        if not self._own.lasting:
            return _refusal("Nothing can be recorded here, so nobody's voice is cloned")
        policy = self._policies.get(session)
        phones = [phone for phone in self._phones.values() if phone.session == session]
        if policy == "Disabled" or not (phones and (policy or all(it.allowed for it in phones))):
            return _refusal("In this session nobody's voice is cloned")
        return None

    async def govern(self, policies: Mapping[str, VoiceCloning | None]) -> None:
        """The operator's word on sessions, over that of tickets; phones are told what changes."""
        sessions = {phone.session for phone in self._phones.values()}
        before = {session for session in sessions if self.allows(session)}
        self._policies = policies
        for session in sessions:
            if (allowed := self.allows(session)) != (session in before):
                await self._tell_policy(session, allowed=allowed)

    # ── a participant's word ─────────────────────────────────────────────────────────────────

    async def say(
        self, speaker: Participant, voices: Sequence[str], word: str, wording: str
    ) -> ConsentState | None:
        """Yes or no, for the first of these voices that is known: the participant's, if it is.

        Raises `Refusal`. Without an answer, one follows once it is known what became of the no.
        """
        refusal = self.refusal(speaker.session)
        if refusal and (word == YES or not self._listening):
            raise refusal
        if (phone := self._phones.get(speaker.id)) is None:
            return None
        phone.word, phone.wording = word, wording
        return await (self._yes(phone, voices) if word == YES else self._no(phone, voices))

    async def learned(
        self, speaker: Participant, voices: Sequence[str], decision: Decision
    ) -> None:
        """A voice was heard by that phone; `voices` are its participant's."""
        phone = self._phones.get(speaker.id)
        if phone is None or decision.voice is None:
            return
        heard = decision.voice.speaker.id
        if decision.consents:
            phone.last = heard
        if heard not in voices:
            return
        with contextlib.suppress(Refusal):  # that word is tried again with the next sentence
            answer = await self._answer(phone, voices, remembered=decision.consents)
            if answer and answer.speaker_id:
                await self._bus.publish(phone.session, Private(speaker.id, answer))
                await self.tell_progress(answer.speaker_id)

    async def _answer(
        self, phone: _Phone, voices: Sequence[str], *, remembered: bool
    ) -> ConsentState | None:
        """What a word that waited comes to; without one, what an earlier session recorded."""
        if phone.word == YES and self.allows(phone.session):
            return await self._yes(phone, voices)
        if phone.word is not None:
            return await self._no(phone, voices)
        told = phone.voice in voices
        return await self._remembered(phone, voices) if remembered and not told else None

    async def _yes(self, phone: _Phone, voices: Sequence[str]) -> ConsentState:
        given = await self._own.give(phone.session, voices, phone.wording)
        if given is None:
            return ConsentState("pending", wording=phone.wording)
        phone.word = None
        return _granted(phone, given)

    async def _no(self, phone: _Phone, voices: Sequence[str]) -> ConsentState | None:
        """Where no voice is the participant's, that which was heard last is taken for theirs."""
        try:
            gone = await self._own.revoke(voices)
            if not (gone or await self._own.knows(phone.session, voices)) and phone.last:
                gone = await self._own.revoke([phone.last])
        except KeptFileError as error:
            raise Refusal("not_kept", str(error)) from error
        if not gone:
            return ConsentState("none")
        phone.word, phone.voice = None, gone[0]
        return None

    async def _remembered(self, phone: _Phone, voices: Sequence[str]) -> ConsentState | None:
        consents = [await self._own.consent(voice) for voice in voices]
        return next((_granted(phone, consent) for consent in consents if consent), None)

    # ── what becomes of it ───────────────────────────────────────────────────────────────────

    async def tell_progress(self, voice: str) -> None:
        """To whoever's voice it is: how much of it there is."""
        progress = await self._own.progress(voice)
        if progress is None:
            return
        told = TrainingProgress(
            voice,
            round(progress.seconds, 1),
            progress.needed_s,
            progress.samples,
            progress.ready,
            progress.trained,
        )
        for client_id, phone in self._of(voice):
            await self._bus.publish(phone.session, Private(client_id, told))

    async def watch(self) -> None:
        """Tells participants for ever when a yes of theirs holds no more, whoever took it back."""
        with self._own.news.listening() as bell:
            while True:
                await bell.wait()
                bell.clear()
                known = {phone.voice for phone in self._phones.values() if phone.voice}
                for voice in await self._own.lost(known):
                    self._start(self._tell_revoked(voice))

    async def close(self) -> None:
        """Nobody is told anything after this."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell_policy(self, session: str, *, allowed: bool) -> None:
        """A yes that was recorded is told again where it holds again; one that waits is void."""
        for client_id, phone in list(self._phones.items()):
            if phone.session == session:
                phone.voice = None
                phone.word = None if phone.word == YES else phone.word
                await self._bus.publish(session, Private(client_id, Policy(allowed)))

    async def _tell_revoked(self, voice: str) -> None:
        """Once laptops confirmed that it is gone there, or are late."""
        phones = self._of(voice)
        for _, phone in phones:
            phone.voice = None
        purge = await self._own.confirmed(voice)
        for client_id, phone in phones:
            state = ConsentState("revoked", voice, purged=purge.purged, waiting=purge.waiting)
            await self._bus.publish(phone.session, Private(client_id, state))

    def _of(self, voice: str) -> list[tuple[str, _Phone]]:
        return [(name, phone) for name, phone in self._phones.items() if phone.voice == voice]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _granted(phone: _Phone, consent: Consent) -> ConsentState:
    phone.voice = consent.voice.speaker.id
    return ConsentState("granted", phone.voice, consent.wording, consent.expires)


def _refusal(why: str) -> Refusal:
    return Refusal("no_cloning", f"{why}; no consent is needed.")
