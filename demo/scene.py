"""The scene, played in real time: who said what when, and what reached whom."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import NamedTuple

import numpy as np
from tests.support import speech
from tests.support.heard import heard
from tests.support.phone import Message, Phone, connected

from babblefish.audio import SAMPLE_RATE, Audio
from demo.cast import SCRIPT, Person, Sentence

_PAUSE_S = 1.0
_LATE_S = 5.0

_Call = Callable[[], AbstractAsyncContextManager[Phone]]


class Who(NamedTuple):
    """Whom a listener sees speaking."""

    id: str
    name: str
    color: str
    """`#rrggbb`."""


class Told(NamedTuple):
    """A sentence as it reached one listener."""

    listener: Person
    text: str
    expected: str
    who: Who
    voice: str | None
    sound: Audio | None
    at_s: float
    """Since the scene began."""
    after_s: float
    """Since the speaker's last sound."""
    stages: Mapping[str, int]
    """Milliseconds."""

    @property
    def right(self) -> bool:
        """Whether it is what was said."""
        return self.text == self.expected


class Turn(NamedTuple):
    """One sentence, from its first sound to its last listener."""

    sentence: Sentence
    from_s: float
    to_s: float
    told: tuple[Told, ...]
    recognised: bool
    """A known voice by its name and in its colour, a new one as somebody new."""
    renamed: Person | None
    """Who then told the others the speaker's name."""

    @property
    def right(self) -> bool:
        """Whether everybody read what was said, and who said it."""
        return self.recognised and all(told.right for told in self.told)


async def play(url: str, session: str = "demo", token: str = "", at: str = "") -> list[Turn]:
    """Each waits until the former sentence has reached all, then speaks.

    Phones join by `token` where the server wants one, and call the address `at` where the name in
    `url` has none.
    """
    async with AsyncExitStack() as stack:
        meeting = _Meeting(lambda: connected(url, at), session, token, stack)
        return [turn async for turn in _turns(meeting)]


class _Meeting:
    """Phones that told no name, and who is who by their voices alone."""

    def __init__(self, call: _Call, session: str, token: str, stack: AsyncExitStack) -> None:
        self._call = call
        self._session = session
        self._token = token
        self._stack = stack
        self.phones: dict[Person, Phone] = {}
        self.known: dict[Person, Who] = {}
        self.began = time.monotonic()

    async def join(self, person: Person) -> None:
        """Their phone comes, if it is not there yet."""
        if person not in self.phones:
            phone = await self._stack.enter_async_context(self._call())
            where = {"session": self._session, "language": person.language}
            await phone.send(type="join", token=self._token, **where)
            await phone.receive("joined")
            self._stack.push_async_callback(phone.send, type="leave")
            self.phones[person] = phone

    async def name(self, speaker: Person, told: Told) -> Person:
        """The listener tells everybody who that is."""
        await self.phones[told.listener].send(
            type="name_speaker", speaker_id=told.who.id, name=speaker.name
        )
        for phone in self.phones.values():
            await phone.receive("speaker", speaker_id=told.who.id, name=speaker.name)
        self.known[speaker] = told.who._replace(name=speaker.name)
        return told.listener

    def recognises(self, speaker: Person, told: tuple[Told, ...]) -> bool:
        """Whether all see the same, and the right one."""
        (who, *others) = {each.who for each in told}
        known = self.known.get(speaker)
        strangers = {each.id for each in self.known.values()}
        return not others and (who == known if known else who.id not in strangers)


async def _turns(meeting: _Meeting) -> AsyncIterator[Turn]:
    for sentence in SCRIPT[:3]:
        await meeting.join(sentence.phone)
    for sentence in SCRIPT:
        await meeting.join(sentence.phone)
        yield await _turn(sentence, meeting)


async def _turn(sentence: Sentence, meeting: _Meeting) -> Turn:
    started = time.monotonic()
    samples = sentence.speech
    ended = started + len(samples) / SAMPLE_RATE
    listening = [
        asyncio.create_task(_told(sentence, person, meeting, ended))
        for person in meeting.phones
        if person is not sentence.phone
    ]
    talking = meeting.phones[sentence.phone]
    await talking.stream(np.concatenate([samples, speech.silence(_PAUSE_S)]))
    told = tuple(await asyncio.gather(*listening))
    recognised = meeting.recognises(sentence.speaker, told)
    new = sentence.speaker not in meeting.known
    renamed = await meeting.name(sentence.speaker, told[0]) if new else None
    from_s, to_s = started - meeting.began, ended - meeting.began
    return Turn(sentence, from_s, to_s, told, recognised, renamed)


async def _told(sentence: Sentence, listener: Person, meeting: _Meeting, ended: float) -> Told:
    phone = meeting.phones[listener]
    result = await phone.receive("result", deadline_s=30)
    now = time.monotonic()
    return Told(
        listener,
        result["translation"],
        sentence.in_language_of(listener),
        await _who(phone, result, sentence.speaker, meeting.known),
        result["tts_voice"],
        heard(result),
        now - meeting.began,
        now - ended,
        result["stages"],
    )


async def _who(phone: Phone, result: Message, speaker: Person, known: Mapping[Person, Who]) -> Who:
    """As the listener sees it in the end: the server may know the voice a moment later."""
    who = Who(result["speaker_id"], result["speaker_name"], result["speaker_color"])
    if who.id in {each.id for person, each in known.items() if person is not speaker}:
        try:
            update = await phone.receive("speaker", _LATE_S, utterance_id=result["utterance_id"])
        except TimeoutError:
            return who
        return Who(update["speaker_id"], update["name"], update["color"])
    return who
