"""A yes belongs to a voice: asked for, recorded, collected upon, remembered, and taken back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import jwt
import pytest
from typer.testing import CliRunner

from babblefish.audio import Samples, to_pcm16
from babblefish.cli import app
from babblefish.gateway.tickets import Live
from tests.gateway.meeting import Meeting, agrees, client_id, meeting, telling_apart
from tests.support.inprocess import Running, gateway
from tests.support.phone import Phone, connected, joined

pytestmark = pytest.mark.slow

KEY = "a key of thirty-two bytes, at least, for HS256"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with telling_apart(tmp_path) as started:
        yield started


@pytest.fixture
async def room(running: Running) -> AsyncIterator[Meeting]:
    async with meeting(running) as opened:
        yield opened


async def collected(phone: Phone, samples: int) -> None:
    """Once the phone was told of so many samples."""
    async with asyncio.timeout(15):
        while (await phone.receive("training_progress"))["samples"] < samples:
            pass


def remains(running: Running, sound: Samples) -> bool:
    """Whether any of it is in the data folder, wherever a page of the file ends."""
    pcm, traces = to_pcm16(sound), running.traces
    return any(pcm[at : at + 64] in traces for at in range(16_000, len(pcm) - 16_000, 1000))


async def test_before_the_voice_is_known_a_yes_waits_for_it(room: Meeting) -> None:
    dan = await room.enter("Dan")
    assert (await agrees(dan))["state"] == "pending"
    await room.says(dan, "dan")
    granted = await dan.receive("consent")
    assert (granted["state"], granted["speaker_id"]) == ("granted", client_id(dan))
    assert granted["wording"] == "v1"
    with room.store() as store:
        (consent,) = store.consents.all()
    assert consent.voice.speaker.name == "Dan"
    assert (consent.session.name, consent.wording) == ("room", "v1")


async def test_a_voice_that_is_known_may_be_cloned_at_once(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    first = await agrees(dan)
    assert (first["state"], first["speaker_id"]) == ("granted", client_id(dan))
    assert (await agrees(dan))["speaker_id"] == client_id(dan)
    with room.store() as store:
        assert len(store.consents.all()) == 1


async def test_clean_speech_is_collected_and_becomes_the_reference(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await agrees(dan)
    assert (await dan.receive("training_progress"))["seconds"] == 0
    for number in range(3):
        await room.says(dan, "dan")
        await collected(dan, number + 1)
    told = dan.all("training_progress")
    assert [one["samples"] for one in told] == [0, 1, 2, 3]
    assert [one["ready"] for one in told] == [False, False, True, True]
    assert told[-1]["seconds"] > told[-1]["needed_s"] == 6
    with room.store() as store:
        reference = store.samples.reference(client_id(dan))
    assert reference
    assert 6 <= reference.audio.seconds <= 12
    assert reference.text.startswith("thirty three four")


async def test_what_was_hardly_understood_is_not_collected(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await agrees(dan)
    for confidence in (0.4, 0.9):
        room.running.translator.confidence = confidence
        await room.says(dan, "dan")
    await collected(dan, 1)
    with room.store() as store:
        assert len(store.samples.of(client_id(dan))) == 1


async def test_whoever_borrows_the_phone_is_not_collected(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await agrees(dan)
    for _ in range(2):
        await room.says(dan, "somebody else")
    await room.says(dan, "dan")
    await collected(dan, 1)
    with room.store() as store:
        assert [kept.voice.speaker.id for kept in store.consents.all()] == [client_id(dan)]
        assert len(store.samples.of(client_id(dan))) == 1


async def test_two_of_one_name_are_two(room: Meeting) -> None:
    first, second = await room.enter("Pierre"), await room.enter("Pierre")
    await room.says(first, "pierre the first")
    await agrees(first)
    await room.says(second, "pierre the second")
    await second.send(type="consent", consent="none")
    assert (await second.receive("consent"))["state"] == "none"
    with room.store() as store:
        assert [kept.voice.speaker.id for kept in store.consents.all()] == [client_id(first)]


async def test_an_anonymous_phone_says_yes_for_the_known_voice_that_named_it(
    room: Meeting,
) -> None:
    dan, other = await room.enter("Dan"), await room.enter()
    await room.says(dan, "dan")
    await room.says(other, "dan")
    granted = await agrees(other)
    assert (granted["state"], granted["speaker_id"]) == ("granted", client_id(dan))


async def test_a_voice_that_said_yes_is_known_again_in_a_later_session(running: Running) -> None:
    async with meeting(running, "monday") as monday:
        dan = await monday.enter("Dan")
        await monday.says(dan, "dan")
        await agrees(dan)
        silent = await monday.enter("Marie")
        await monday.says(silent, "marie")
        await dan.send(type="set_name", name="Daniel")
        await monday.listener.receive("speaker", name="Daniel")
    async with meeting(running, "tuesday") as tuesday:
        again, marie = await tuesday.enter("daniel"), await tuesday.enter("Marie")
        told = await tuesday.says(again, "dan")
        assert (told["speaker_id"], told["speaker_name"]) == (client_id(dan), "Daniel")
        granted = await again.receive("consent")
        assert (granted["state"], granted["speaker_id"]) == ("granted", client_id(dan))
        unknown = await tuesday.says(marie, "marie")
        assert unknown["speaker_id"] == client_id(marie)
        await again.send(type="consent", consent="none")
        assert (await again.receive("consent"))["state"] == "revoked"
        with tuesday.store() as store:
            assert store.consents.all() == []


async def test_a_no_holds_for_whoever_is_known_by_another_name(running: Running) -> None:
    async with meeting(running, "monday") as monday:
        dan = await monday.enter("Dan")
        await monday.says(dan, "dan")
        await agrees(dan)
    async with meeting(running, "tuesday") as tuesday:
        again = await tuesday.enter("D.")
        assert (await tuesday.says(again, "dan"))["speaker_name"] == "Dan"
        await again.send(type="consent", consent="no thanks")
        assert (await again.receive("consent"))["state"] == "revoked"


async def test_a_no_in_the_join_counts_once_the_voice_is_known(running: Running) -> None:
    async with meeting(running, "monday") as monday:
        dan = await monday.enter("Dan")
        await monday.says(dan, "dan")
        await agrees(dan)
    async with meeting(running, "tuesday") as tuesday:
        again = await tuesday.enter("Dan", consent="none")
        await tuesday.says(again, "dan")
        assert (await again.receive("consent", state="revoked"))["speaker_id"] == client_id(dan)


async def test_a_yes_may_be_in_the_join(room: Meeting) -> None:
    dan = await room.enter("Dan", consent="voice")
    assert (await dan.receive("consent"))["state"] == "pending"
    await room.says(dan, "dan")
    assert (await dan.receive("consent"))["state"] == "granted"


async def test_on_two_phones_with_one_voice_there_is_one_yes_and_either_may_take_it_back(
    room: Meeting,
) -> None:
    dan, other = await room.enter("Dan"), await room.enter()
    for phone in (dan, other):
        await room.says(phone, "dan")
        assert (await agrees(phone, state="granted"))["speaker_id"] == client_id(dan)
    await other.send(type="consent", consent="none")
    for phone in (dan, other):
        revoked = await phone.receive("consent", state="revoked")
        assert (revoked["speaker_id"], revoked["purged"], revoked["waiting"]) == (
            *(client_id(dan), []),
            [],
        )


async def test_what_is_taken_back_leaves_no_trace(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await agrees(dan)
    await room.says(dan, "dan")
    await collected(dan, 1)
    with room.store() as store:
        (sample,) = store.samples.of(client_id(dan))
        sound = store.samples.sound(sample).samples
    assert remains(room.running, sound)
    await dan.send(type="consent", consent="none")
    assert (await dan.receive("consent"))["state"] == "revoked"
    assert not remains(room.running, sound)
    await room.says(dan, "dan")
    with room.store() as store:
        assert store.samples.of(client_id(dan)) == []


async def test_laptops_that_hold_it_confirm_or_are_named(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await agrees(dan)
    with room.store() as store:
        for laptop in ("desk", "sofa"):
            store.holdings.sent(client_id(dan), laptop)
    await dan.send(type="consent", consent="none")
    with room.store() as store:
        while store.consents.of(client_id(dan)):
            await asyncio.sleep(0.01)
        store.holdings.purged("desk", [client_id(dan)])
    revoked = await dan.receive("consent", deadline_s=10)
    assert (revoked["purged"], revoked["waiting"]) == (["desk"], ["sofa"])


async def test_whoever_runs_the_server_sees_who_said_yes_and_can_take_it_back(
    room: Meeting,
) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await agrees(dan)
    address = f"{room.running.http}/voices"
    async with httpx.AsyncClient() as http:
        (voice,) = (await http.get(address)).json()
        assert (voice["speaker_id"], voice["name"], voice["session"]) == (
            *(client_id(dan), "Dan"),
            "room",
        )
        assert (voice["samples"], voice["ready"], voice["laptops"]) == (0, False, [])
        gone = await http.delete(f"{address}/{client_id(dan)}")
        assert gone.json() == {"speaker_id": client_id(dan), "purged": [], "waiting": []}
        assert (await http.delete(f"{address}/{client_id(dan)}")).status_code == 404
        forwarded = {"X-Forwarded-For": "192.0.2.7"}
        assert (await http.get(address, headers=forwarded)).status_code == 403
        assert (await http.delete(f"{address}/x", headers=forwarded)).status_code == 403
    assert (await dan.receive("consent"))["state"] == "revoked"


async def test_what_another_process_takes_back_is_noticed(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await room.says(dan, "dan")
    await agrees(dan)
    folder = str(room.running.data_dir)
    command = ["voices", "revoke", client_id(dan), "--data-dir", folder]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 0, result.output
    assert (await dan.receive("consent", deadline_s=5))["state"] == "revoked"


async def test_a_yes_runs_out(tmp_path: Path) -> None:
    async with (
        telling_apart(tmp_path, consent_days=2 / 86_400) as running,
        meeting(running) as room,
    ):
        dan = await room.enter("Dan")
        await room.says(dan, "dan")
        await agrees(dan)
        assert (await dan.receive("consent", deadline_s=10))["state"] == "revoked"
        with room.store() as store:
            assert store.consents.outlived() == []


async def test_without_a_speaker_stage_there_is_nothing_to_agree_to(tmp_path: Path) -> None:
    async with gateway(tmp_path, None) as running, joined(running.ws, "room", "Dan", "en") as dan:
        await dan.send(type="consent", consent="voice")
        assert (await dan.receive("error"))["code"] == "no_cloning"


async def test_a_gateway_that_is_told_so_clones_nobody(tmp_path: Path) -> None:
    async with telling_apart(tmp_path, voice_cloning=False) as running, meeting(running) as room:
        dan = await room.enter("Dan", consent="voice")
        await room.says(dan, "dan")
        await dan.send(type="consent", consent="voice")
        refused = await dan.receive("error")
        assert refused["code"] == "no_cloning"
        assert "In this session" in refused["message"]
        assert dan.all("consent") == []


def ticket(session: str, uid: str, **limits: str) -> str:
    claims = {"iss": "babblefish-operator", "sub": uid, "session": session, **limits}
    return jwt.encode(claims, KEY, algorithm="HS256")


@pytest.mark.parametrize("policy", [{}, {"voice_cloning": "Disabled"}])
async def test_the_policy_of_a_session_overrides_every_yes(
    tmp_path: Path, policy: dict[str, str]
) -> None:
    async with telling_apart(tmp_path, session_key=KEY) as running:
        async with meeting(running) as room:
            dan = await room.enter("Dan")
            await room.says(dan, "dan")
            await agrees(dan)
        async with (
            joined(running.ws, "team", "Ana", "es", token=ticket("team", "u", **policy)) as ana,
            joined(running.ws, "team", "Dan", "en", token=ticket("team", "u", **policy)) as dan,
        ):
            room = Meeting(running, AsyncExitStack(), "team")
            room.listener = ana
            told = await room.says(dan, "dan")
            assert told["speaker_id"] == client_id(dan)
            await room.says(dan, "dan")
            await dan.send(type="consent", consent="voice")
            assert (await dan.receive("error"))["code"] == "no_cloning"
            assert dan.all("training_progress") == []


async def test_a_session_that_opts_in_may_clone(tmp_path: Path) -> None:
    token = ticket("team", "u", voice_cloning="OptIn")
    async with (
        telling_apart(tmp_path, session_key=KEY, voice_cloning=False) as running,
        joined(running.ws, "team", "Dan", "en", token=token) as dan,
    ):
        assert (await agrees(dan))["state"] == "pending"


async def test_what_the_operator_says_of_a_session_overrides_its_tickets(tmp_path: Path) -> None:
    token, uid = ticket("team", "u", voice_cloning="OptIn"), "u"
    async with (
        telling_apart(tmp_path, session_key=KEY) as running,
        joined(running.ws, "team", "Ana", "es", token=token) as ana,
        joined(running.ws, "team", "Dan", "en", token=token) as dan,
    ):
        room = Meeting(running, AsyncExitStack(), "team")
        room.listener = ana
        await running.govern({"team": Live(uid)})
        await room.says(dan, "dan")
        await agrees(dan)
        await running.govern({"team": Live(uid, "Disabled")})
        assert not (await dan.receive("policy"))["cloning"]
        collected = len(dan.all("training_progress"))
        await room.says(dan, "dan")
        await dan.send(type="consent", consent="voice")
        assert (await dan.receive("error"))["code"] == "no_cloning"
        async with joined(running.ws, "team", "Eva", "en", token=token) as eva:
            assert not eva.all("joined")[0]["capabilities"]["cloning"]
        await running.govern({"team": Live(uid, "OptIn")})
        assert (await dan.receive("policy"))["cloning"]
        assert len(dan.all("training_progress")) == collected
        await room.says(dan, "dan")
        await dan.receive("consent", state="granted")
    assert len(ana.all("policy")) == 2


async def test_a_policy_that_nobody_knows_is_no_ticket(tmp_path: Path) -> None:
    token = ticket("team", "u", voice_cloning="Always")
    async with telling_apart(tmp_path, session_key=KEY) as running, connected(running.ws) as dan:
        await dan.send(type="join", session="team", name="Dan", language="en", token=token)
        assert (await dan.receive("error"))["code"] == "bad_token"


async def test_where_nothing_can_be_recorded_people_are_translated_and_nobody_is_cloned(
    tmp_path: Path,
) -> None:
    (tmp_path / "speakers.sqlite").write_bytes(b"not a database, by any means")
    async with telling_apart(tmp_path) as running, meeting(running) as room:
        dan = await room.enter("Dan")
        assert (await room.says(dan, "dan"))["speaker_name"] == "Dan"
        await dan.send(type="consent", consent="voice")
        assert (await dan.receive("error"))["code"] == "no_cloning"
