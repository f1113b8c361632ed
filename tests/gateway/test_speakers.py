"""Who speaks is known by voice: names, colours and stock voices follow the speaker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from prometheus_client import generate_latest

from babblefish.gateway.tickets import Live
from babblefish.people import PALETTE
from babblefish.registry.store import FILE, Store
from tests.gateway.test_insight import figures
from tests.support import speech
from tests.support.inprocess import Running, ScriptedEncoder, gateway
from tests.support.phone import Message, Phone, connected, joined

pytestmark = pytest.mark.slow

SAID = speech.go_forward()
KEY = "a key of thirty-two bytes, at least, for HS256"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """A gateway that tells voices apart."""
    async with gateway(tmp_path, ScriptedEncoder()) as started:
        yield started


class Room:
    """A session, its phones, and who listens to it in Spanish."""

    def __init__(self, running: Running, stack: AsyncExitStack) -> None:
        self.running = running
        self._stack = stack
        self.listener: Phone

    async def enter(self, name: str = "", language: str = "en") -> Phone:
        phone = joined(self.running.ws, "room", name, language)
        return await self._stack.enter_async_context(phone)

    async def says(self, phone: Phone, who: str) -> Message:
        """What the listener is told when somebody talks into that phone, and was learned."""
        encoder, learned = self.running.encoder, self.running.learned
        assert encoder
        encoder.talking = who
        while not learned.empty():
            learned.get_nowait()
        await phone.burst(SAID, 3200)
        await phone.send(type="end_of_speech")
        told = await self.listener.receive("result")
        if encoder.hears and not encoder.fails and not encoder.delay_s:
            await asyncio.wait_for(learned.get(), 5)
        return told


@pytest.fixture
async def room(running: Running) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        opened = Room(running, stack)
        opened.listener = await opened.enter("Ana", "es")
        yield opened


def who(told: Message) -> tuple[str, str]:
    return told["speaker_name"], told["speaker_color"]


def client_id(phone: Phone) -> str:
    return str(phone.all("joined")[0]["client_id"])


async def listed(running: Running) -> list[dict[str, Any]]:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{running.http}/speakers")
    sessions: list[dict[str, Any]] = answer.json()
    return sessions


async def learned(running: Running, utterances: int) -> list[dict[str, Any]]:
    """The sessions, once the registry knows so much: it learns beside the telling."""
    async with asyncio.timeout(5):
        while True:
            sessions = await listed(running)
            speakers = [speaker for session in sessions for speaker in session["speakers"]]
            if sum(speaker["utterances"] for speaker in speakers) == utterances:
                return sessions
            await asyncio.sleep(0.01)


async def test_a_phone_with_one_voice_is_told_as_ever(room: Room) -> None:
    dan = await room.enter("Dan")
    for _ in range(2):
        told = await room.says(dan, "dan")
        assert (told["speaker_id"], told["client_id"]) == (client_id(dan), client_id(dan))
        assert who(told) == ("Dan", PALETTE[1])
    await room.says(dan, "dan")
    assert room.listener.all("speaker") == []


async def test_two_people_on_one_phone_are_told_apart(room: Room) -> None:
    dan = await room.enter("Dan")
    first, second, again = [await room.says(dan, name) for name in ("dan", "pierre", "dan")]
    assert who(first) == who(again) == ("Dan", PALETTE[1])
    assert who(second) == ("Speaker 3", PALETTE[2])  # Ana and Dan are the first and the second
    assert second["client_id"] == client_id(dan) != second["speaker_id"]
    assert room.running.synthesizer.speakers == {1, 2}
    assert dan.all("result") == []  # nobody hears their own phone


async def test_a_voice_is_known_on_every_phone(room: Room) -> None:
    dan, pierre = await room.enter("Dan"), await room.enter("Pierre")
    for phone, name in ((dan, "dan"), (pierre, "pierre")):
        await room.says(phone, name)
    borrowed = await room.says(dan, "pierre")
    assert borrowed["speaker_id"] == client_id(pierre)
    assert who(borrowed) == ("Pierre", PALETTE[2])


async def test_two_people_of_one_name_stay_two(room: Room) -> None:
    first, second = await room.enter("Pierre"), await room.enter("Pierre")
    told = [await room.says(first, "one"), await room.says(second, "other")]
    assert [each["speaker_name"] for each in told] == ["Pierre", "Pierre"]
    assert told[0]["speaker_id"] != told[1]["speaker_id"]
    assert told[0]["speaker_color"] != told[1]["speaker_color"]


async def test_anonymous_phones_get_names_and_colours_from_voices_alone(room: Room) -> None:
    first = await room.enter()
    known = await room.says(first, "pierre")
    assert who(known) == ("Speaker 2", PALETTE[1])
    second = await room.enter()
    assert (await second.receive("participants"))["participants"][-1]["name"] == "Speaker 3"
    again = await room.says(second, "pierre")
    assert who(again) == who(known)
    assert again["speaker_id"] == known["speaker_id"]
    people = await second.receive("participants")
    assert {person["client_id"]: person["name"] for person in people["participants"]} == {
        client_id(room.listener): "Ana",
        client_id(first): "Speaker 2",
        client_id(second): "Speaker 2",
    }
    assert who(await room.says(second, "marek")) == ("Speaker 4", PALETTE[3])


async def test_a_phone_called_after_a_voice_and_the_voice_share_their_name(room: Room) -> None:
    first, second = await room.enter(), await room.enter()
    for phone in (first, second):
        told = await room.says(phone, "pierre")
    await second.receive("participants")
    await second.send(type="set_name", name="Pierre")
    await room.listener.receive("speaker", speaker_id=told["speaker_id"], name="Pierre")
    assert (await room.says(second, "pierre"))["speaker_name"] == "Pierre"
    await first.send(type="set_name", name="Pierrot")
    await second.receive("speaker", name="Pierrot")
    async with asyncio.timeout(5):
        while names_in(await second.receive("participants")) != ["Ana", "Pierrot", "Pierrot"]:
            pass
    assert (await room.says(first, "pierre"))["speaker_name"] == "Pierrot"


def names_in(told: Message) -> list[str]:
    return sorted(person["name"] for person in told["participants"])


async def test_a_voice_keeps_its_name_and_colour_when_its_phone_comes_back(room: Room) -> None:
    dan = await room.enter("Dan")
    before = await room.says(dan, "dan")
    await dan.socket.close()
    async with connected(room.running.ws) as back:
        token, seq = dan.all("joined")[0]["resume_token"], dan.told[-1]["seq"]
        await back.send(
            type="join", session="room", name="Dan", language="en", resume=token, last_seq=seq
        )
        await back.receive("joined")
        assert who(await room.says(back, "dan")) == who(before)
        await back.send(type="leave")
    await room.enter("Eva")  # Dan's number stays his: she gets another
    newcomer = await room.enter("Dan's other phone")
    again = await room.says(newcomer, "dan")
    assert (who(again), again["speaker_id"]) == (who(before), before["speaker_id"])


async def test_anybody_can_name_a_voice_and_all_are_told(room: Room) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    stranger = await room.says(dan, "pierre")
    await room.listener.send(
        type="name_speaker", speaker_id=stranger["speaker_id"], name=" Pierre\u202e \n"
    )
    for phone in (dan, room.listener):
        update = await phone.receive("speaker")
        assert (update["speaker_id"], update["name"]) == (stranger["speaker_id"], "Pierre")
        assert update["color"] == stranger["speaker_color"]
        assert update["utterance_id"] is None
    assert who(await room.says(dan, "pierre")) == ("Pierre", stranger["speaker_color"])


async def test_a_participants_voice_has_the_participants_name(room: Room) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await dan.send(type="set_name", name="Daniel")
    await room.listener.receive("speaker", speaker_id=client_id(dan), name="Daniel")
    assert (await room.says(dan, "dan"))["speaker_name"] == "Daniel"
    await room.listener.send(type="name_speaker", speaker_id=client_id(dan), name="Danny")
    await room.listener.receive("speaker", speaker_id=client_id(dan), name="Danny")
    people = room.listener.all("participants")[-1]["participants"]
    assert {person["name"] for person in people} == {"Ana", "Danny"}
    assert (await room.says(dan, "dan"))["speaker_name"] == "Danny"


@pytest.mark.parametrize(("fields", "code"), [
    ({"speaker_id": "nobody", "name": "Eve"}, "unknown_speaker"),
    ({"speaker_id": "' OR 1=1 --", "name": "Eve"}, "unknown_speaker"),
    ({"speaker_id": "x" * 65, "name": "Eve"}, "bad_message"),
    ({"speaker_id": "nobody"}, "bad_message"),
    ({"speaker_id": "nobody", "name": "x" * 65}, "too_long"),
    ({"speaker_id": "nobody", "name": "\u200b"}, "empty_text"),
])  # fmt: skip
async def test_a_hostile_rename_is_refused_and_changes_nothing(
    room: Room, fields: dict[str, str], code: str
) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await dan.send(type="name_speaker", **fields)
    assert (await dan.receive("error"))["code"] == code
    assert (await room.says(dan, "dan"))["speaker_name"] == "Dan"


async def test_nobody_names_the_voices_of_another_session(room: Room) -> None:
    dan = await room.enter("Dan")
    stranger = [await room.says(dan, name) for name in ("dan", "pierre")][-1]["speaker_id"]
    async with joined(room.running.ws, "elsewhere", "Eve", "en") as eve:
        await eve.send(type="name_speaker", speaker_id=stranger, name="Fool")
        assert (await eve.receive("error"))["code"] == "unknown_speaker"


async def test_an_identity_that_is_late_delays_nothing_and_follows(room: Room) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    assert room.running.encoder
    room.running.encoder.delay_s = 2
    started = time.monotonic()
    guessed = await room.says(dan, "pierre")
    assert time.monotonic() - started < 1.5
    assert who(guessed) == ("Dan", PALETTE[1])  # who spoke last on this phone
    update = await room.listener.receive("speaker", utterance_id=guessed["utterance_id"])
    assert (update["name"], update["color"]) == ("Speaker 3", PALETTE[2])
    guessed_again = await room.says(dan, "pierre")
    assert guessed_again["speaker_id"] == update["speaker_id"]


async def test_while_the_stage_is_down_who_spoke_last_is_told(room: Room) -> None:
    dan = await room.enter("Dan")
    assert room.running.encoder
    room.running.encoder.fails = True
    assert who(await room.says(dan, "dan")) == ("Dan", PALETTE[1])
    room.running.encoder.fails = False
    await room.says(dan, "dan")
    second = await room.says(dan, "pierre")
    room.running.encoder.fails = True
    assert who(await room.says(dan, "dan")) == who(second)
    assert len((await learned(room.running, 2))[0]["speakers"]) == 2


async def test_metrics_count_what_became_of_voices(room: Room) -> None:
    assert room.running.encoder
    dan = await room.enter("Dan")
    before = figures(generate_latest().decode())
    for fails, hears, name in ((0, 1, "dan"), (0, 1, "dan"), (1, 1, "dan"), (0, 0, "dan")):
        room.running.encoder.fails, room.running.encoder.hears = bool(fails), bool(hears)
        await room.says(dan, name)
    room.running.encoder.hears, room.running.encoder.delay_s = True, 0.5
    await room.says(dan, "pierre")
    await room.listener.receive("speaker")
    after = figures(generate_latest().decode())
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    outcomes = {
        outcome: grown[f"babblefish_gateway_identifications_total.{outcome}"]
        for outcome in ("known", "enrolled", "unsure", "failed")
    }
    assert outcomes == {"known": 1, "enrolled": 2, "unsure": 1, "failed": 1}
    assert grown["babblefish_gateway_identification_seconds_count"] == 3
    assert grown["babblefish_gateway_late_identities_total"] == 1


async def test_two_sentences_of_a_new_voice_at_once_enrol_it_once(room: Room) -> None:
    assert room.running.encoder
    room.running.encoder.delay_s = 0.3
    dan, pierre = await room.enter("Dan"), await room.enter("Pierre")
    room.running.encoder.talking = "one and the same"
    for phone in (dan, pierre):
        await phone.burst(SAID, 3200)
        await phone.send(type="end_of_speech")
    told = [await room.listener.receive("result") for _ in range(2)]
    ids = {each["utterance_id"]: each["speaker_id"] for each in told}
    corrected = await room.listener.receive("speaker")
    ids[corrected["utterance_id"]] = corrected["speaker_id"]
    assert len(set(ids.values())) == 1
    (session,) = await learned(room.running, 2)
    assert [each["utterances"] for each in session["speakers"]] == [2]


async def test_speakers_tells_who_is_known_and_not_how_they_sound(room: Room) -> None:
    dan = await room.enter("Dan")
    for _ in range(2):
        await room.says(dan, "dan")
    (session,) = await learned(room.running, 2)
    (known,) = session["speakers"]
    assert session["name"] == "room"
    assert 2 < known.pop("seconds") < 6
    assert known == {
        "id": client_id(dan), "name": "Dan", "color": PALETTE[1], "utterances": 2,
        "model": "scripted/voices",
    }  # fmt: skip


async def test_voices_end_with_their_session_and_leave_no_trace(running: Running) -> None:
    async with AsyncExitStack() as stack:
        room = Room(running, stack)
        room.listener = await room.enter("Ana", "es")
        dan = await room.enter("Dan the first")
        await room.says(dan, "dan")
        assert b"Dan the first" in running.traces
        await dan.send(type="leave")
        await dan.closed()
        assert len(await listed(running)) == 1  # Ana is still there
        await room.listener.send(type="leave")
        await room.listener.closed()
    async with asyncio.timeout(5):
        while await listed(running):
            await asyncio.sleep(0.01)
    assert b"Dan the first" not in running.traces


async def test_what_a_gateway_left_that_died_is_forgotten_once_nobody_came_back(
    tmp_path: Path,
) -> None:
    died = tmp_path / "died"
    died.mkdir()
    async with gateway(tmp_path / "first", ScriptedEncoder()) as first, AsyncExitStack() as stack:
        for name in ("room", "left"):
            listener = await stack.enter_async_context(joined(first.ws, name, "Ana", "es"))
            dan = await stack.enter_async_context(joined(first.ws, name, "Dan", "en"))
            await dan.burst(SAID, 3200)
            await dan.send(type="end_of_speech")
            await listener.receive("result")
        await learned(first, 2)
        (died / FILE).write_bytes((first.data_dir / FILE).read_bytes())
        wal = first.data_dir / f"{FILE}-wal"
        (died / wal.name).write_bytes(wal.read_bytes())
    async with (
        gateway(died, ScriptedEncoder(), resume_s=1) as second,
        joined(second.ws, "room", "Dan", "en"),
    ):
        assert [session["name"] for session in await listed(second)] == ["left", "room"]
        async with asyncio.timeout(5):
            while len(await listed(second)) > 1:
                await asyncio.sleep(0.01)
        assert [session["name"] for session in await listed(second)] == ["room"]


async def test_a_gateway_goes_on_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database, and far too long to be an empty file")
    async with gateway(tmp_path, ScriptedEncoder()) as running, AsyncExitStack() as stack:
        room = Room(running, stack)
        room.listener = await room.enter("Ana", "es")
        dan = await room.enter("Dan")
        names = [(await room.says(dan, name))["speaker_name"] for name in ("dan", "eve", "dan")]
        assert names == ["Dan", "Speaker 3", "Dan"]


async def test_what_is_forgotten_by_hand_is_forgotten_at_once(room: Room) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    stranger = await room.says(dan, "pierre")
    store = Store(room.running.data_dir / FILE)
    assert store.forget_speaker(stranger["speaker_id"]) == 1
    store.close()
    again = await room.says(dan, "pierre")
    assert again["speaker_id"] != stranger["speaker_id"]


async def test_without_a_speaker_stage_whoever_holds_the_phone_speaks(tmp_path: Path) -> None:
    async with gateway(tmp_path, None) as running, AsyncExitStack() as stack:
        room = Room(running, stack)
        room.listener = await room.enter("Ana", "es")
        dan = await room.enter("Dan")
        await dan.burst(SAID, 3200)
        await dan.send(type="end_of_speech")
        told = await room.listener.receive("result")
        assert (who(told), told["speaker_id"]) == (("Dan", PALETTE[1]), client_id(dan))
        assert await listed(running) == []
    assert not (tmp_path / FILE).exists()


async def test_voices_of_a_session_that_an_operator_made_wait_for_its_end(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedEncoder(), session_key=KEY) as running:
        await meet(running, "team", "uid 1")
        await running.govern({"team": Live("uid 1")})
        assert [session["name"] for session in await listed(running)] == ["team"]
        await running.govern({})
        assert await listed(running) == []


async def test_a_session_does_not_inherit_the_voices_of_its_namesake(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedEncoder(), session_key=KEY) as running:
        await meet(running, "team", "uid 1")
        async with joined(running.ws, "team", "Eve", "en", token=ticket("team", "uid 2")):
            assert await listed(running) == []


async def meet(running: Running, session: str, uid: str) -> None:
    """Dan says something to Ana, then both go."""
    token = ticket(session, uid)
    async with (
        joined(running.ws, session, "Ana", "es", token=token) as ana,
        joined(running.ws, session, "Dan", "en", token=token) as dan,
    ):
        await dan.burst(SAID, 3200)
        await dan.send(type="end_of_speech")
        await ana.receive("result")
        await learned(running, 1)
        for phone in (ana, dan):
            await phone.send(type="leave")
            await phone.closed()


def ticket(session: str, uid: str) -> str:
    claims = {"iss": "babblefish-operator", "sub": uid, "session": session, "iat": 1}
    return jwt.encode(claims, KEY, algorithm="HS256")
