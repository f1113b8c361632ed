import asyncio
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from babblefish.gateway.bus import Captioned, Event, Interpreted, MemoryBus, Present, Told
from babblefish.gateway.interpreter import Interpreter, Participant
from babblefish.gateway.recognition import Recognizer
from babblefish.gateway.speakers import Speakers
from babblefish.gateway.utterance import Typed, Utterance
from babblefish.people import Person
from babblefish.registry.registry import Registry
from babblefish.registry.store import Store
from tests.support.scripted import ScriptedSynthesizer, ScriptedTranslator

SECOND = np.zeros(16_000, np.float32)
DAN = Person("dan", "Dan", "en")
ANA = Person("ana", "Ana", "es")
EVA = Person("eva", "Eva", "es")
GUY = Person("guy", "Guy", "fr")
BOB = Person("bob", "Bob", "en")


class Room:
    """A session with its speaker, Dan, and everything that is published to it."""

    def __init__(self, events: AsyncIterator[Event], bus: MemoryBus) -> None:
        self.bus = bus
        self._events = events
        self.translator = ScriptedTranslator()
        self.synthesizer = ScriptedSynthesizer()
        self.interpreter = Interpreter(self.translator, self.synthesizer, bus, deadline_s=0.5)
        self.speaker = Participant("room", DAN)
        speakers = Speakers(None, Registry(Store()), bus, deadline_s=0.5)
        self.recognizer = Recognizer(speakers, call=lambda speaker: None)

    async def enter(self, *people: Person) -> None:
        for person in people:
            await self.bus.enter("room", person)

    def utterance(self) -> Utterance:
        stream = self.interpreter.listen(self.speaker)
        recognition = self.recognizer.listen(self.speaker)
        return Utterance(self.interpreter, self.speaker, stream, recognition)

    async def told(self, kind: type, count: int) -> list[Event]:
        """The next events of a kind."""
        found: list[Event] = []
        async with asyncio.timeout(5):
            while len(found) < count:
                event = await anext(self._events)
                if isinstance(event, kind):
                    found.append(event)
        return found

    async def rest(self) -> list[Event]:
        """Everything that was published and not yet looked at."""
        await self.interpreter.close()
        await self.bus.publish("room", Told("", "end", ""))
        events: list[Event] = []
        while (event := await anext(self._events)) != Told("", "end", ""):
            if not isinstance(event, Present):
                events.append(event)
        return events


@pytest.fixture
def room() -> Iterator[Room]:
    bus = MemoryBus()
    with bus.subscribe("room") as events:
        yield Room(events, bus)


def by_language(events: list[Event]) -> dict[str, Interpreted]:
    return {event.language: event for event in events if isinstance(event, Interpreted)}


async def test_one_translation_and_one_speech_for_every_language_that_is_needed(
    room: Room,
) -> None:
    await room.enter(DAN, ANA, EVA, GUY)
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.end(before=None)
    told = by_language(await room.rest())
    assert told.keys() == {"es", "fr"}
    assert told["es"].translation == "16000 in es"
    assert told["es"].wav is not None
    assert told["es"].voice == "scripted"
    assert (told["fr"].wav, told["fr"].voice) == (None, None)  # nothing speaks it; text still comes
    assert room.translator.calls["finish"] == 1
    assert room.synthesizer.calls == {"es": 1}
    assert room.translator.calls["close"] == 1


async def test_who_hears_the_speakers_language_gets_the_transcript_and_no_speech(
    room: Room,
) -> None:
    await room.enter(DAN, BOB)
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.end(before=None)
    told = by_language(await room.rest())
    assert told["en"].translation == told["en"].transcript == "16000"
    assert told["en"].wav is None
    assert room.synthesizer.calls == {}


async def test_a_language_that_cannot_be_reached_gets_the_transcript_as_it_was_said(
    room: Room,
) -> None:
    await room.enter(DAN, Person("p", "Marek", "pl"))
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.end(before=None)
    (event,) = by_language(await room.rest()).values()
    assert (event.language, event.target_language, event.translation) == ("pl", "en", "16000")


async def test_nobody_listens_and_only_the_caption_goes_out(room: Room) -> None:
    await room.enter(DAN)
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.end(before=None)
    (event,) = await room.rest()
    assert isinstance(event, Captioned)
    assert (event.text, event.final) == ("16000", True)


async def test_work_begins_at_the_pause_and_is_ready_at_the_end(room: Room) -> None:
    await room.enter(DAN, ANA)
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.pause()
    await room.translator.finished.wait()
    utterance.end(before=None)
    await room.told(Interpreted, 1)
    assert room.translator.calls["finish"] == 1


async def test_what_was_drafted_is_thrown_away_if_the_speaker_goes_on(room: Room) -> None:
    await room.enter(DAN, ANA)
    utterance = room.utterance()
    await utterance.feed(SECOND)
    for _ in range(3):
        utterance.pause()
        await room.translator.finished.wait()
        await utterance.feed(SECOND)
    utterance.end(before=None)
    (told,) = by_language(await room.rest()).values()
    assert told.transcript == "64000"


async def test_a_draft_under_way_is_cancelled_when_the_speaker_goes_on(room: Room) -> None:
    await room.enter(DAN, ANA)
    room.translator.delay_s = 60
    utterance = room.utterance()
    utterance.pause()
    await asyncio.sleep(0)
    await asyncio.wait_for(utterance.feed(SECOND), 1)
    room.translator.delay_s = 0
    utterance.end(before=None)
    (told,) = by_language(await room.rest()).values()
    assert told.transcript == "16000"


async def test_who_comes_while_it_is_translated_still_gets_it(room: Room) -> None:
    await room.enter(DAN, ANA)
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.pause()
    await room.translator.finished.wait()
    await room.enter(GUY)
    utterance.end(before=None)
    told = by_language(await room.rest())
    assert told.keys() == {"es", "fr"}
    assert room.translator.calls["text fr"] == 1
    assert room.translator.calls["text es"] == 0


async def test_noise_is_told_to_nobody_and_its_captions_are_withdrawn(room: Room) -> None:
    await room.enter(DAN, ANA)
    room.translator.hears = False
    utterance = room.utterance()
    utterance._captioned_at = 0
    await utterance.feed(SECOND)
    await room.told(Captioned, 1)
    utterance.end(before=None)
    (event,) = await room.rest()
    assert isinstance(event, Captioned)
    assert (event.text, event.final) == ("", True)


async def test_what_is_dropped_as_no_speech_is_told_to_nobody(room: Room) -> None:
    await room.enter(DAN, ANA)
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.pause()
    utterance.drop()
    assert await room.rest() == []
    assert room.translator.calls["close"] == 1


async def test_utterances_are_told_in_the_order_they_were_said(room: Room) -> None:
    await room.enter(DAN, ANA)
    slow, quick = room.utterance(), room.utterance()
    await slow.feed(SECOND)
    room.translator.delay_s = 0.2
    first = slow.end(before=None)
    await asyncio.sleep(0)
    room.translator.delay_s = 0
    await quick.feed(SECOND[:100])
    second = quick.end(before=first)
    Typed(room.interpreter, room.speaker).send("typed", before=second)
    told = await room.told(Interpreted, 3)
    assert [event.transcript for event in told if isinstance(event, Interpreted)] == [
        "16000",
        "100",
        "typed",
    ]


async def test_text_still_comes_where_speech_cannot(room: Room) -> None:
    await room.enter(DAN, ANA)
    room.synthesizer.fails = True
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.end(before=None)
    (told,) = by_language(await room.rest()).values()
    assert (told.translation, told.wav) == ("16000 in es", None)


@pytest.mark.parametrize(("fails", "delay_s", "code"), [
    (True, 0, "stage_unavailable"),
    (False, 60, "too_late"),
])  # fmt: skip
async def test_a_stage_that_is_down_or_late_is_told_to_the_speaker(
    room: Room, fails: bool, delay_s: float, code: str
) -> None:
    await room.enter(DAN, ANA)
    room.translator.fails, room.translator.delay_s = fails, delay_s
    utterance = room.utterance()
    await utterance.feed(SECOND)
    utterance.end(before=None)
    (told,) = await room.told(Told, 1)
    assert isinstance(told, Told)
    assert (told.client_id, told.code) == ("dan", code)
    assert room.translator.calls["close"] == 1


async def test_typed_text_is_translated_like_speech(room: Room) -> None:
    await room.enter(DAN, ANA, BOB)
    Typed(room.interpreter, room.speaker).send("hello", before=None)
    told = by_language(await room.rest())
    assert told["es"].translation == "hello in es"
    assert told["es"].wav is not None
    assert told["en"].translation == "hello"
