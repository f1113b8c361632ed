"""Who said yes is heard in their own voice as well: after the stock voice, or not at all."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from prometheus_client import REGISTRY

from babblefish.audio import SAMPLE_RATE, Audio
from babblefish.cloner.matching import MARK
from babblefish.gateway.tickets import Live
from tests.gateway.meeting import SAID, WORDS, Meeting, agrees, client_id, meeting, telling_apart
from tests.support.inprocess import Running, gateway
from tests.support.laptop import ScriptedCloner, laptop
from tests.support.phone import Phone, joined

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


def accelerators(running: Running) -> str:
    return f"ws://127.0.0.1:{running.port}/ws/tts-accelerator"


async def clonable(room: Meeting, phone: Phone, who: str) -> None:
    """Their voice is known, they said yes, and enough of it was heard."""
    await room.says(phone, who)
    await agrees(phone)
    with room.store() as store:
        sound = Audio(SAID, SAMPLE_RATE)
        store.samples.clone_from(client_id(phone), sound, WORDS, "en", quality=1)


async def connected(phone: Phone, laptops: int) -> None:
    """Once the phone was told of so many."""
    await phone.receive("accelerator", connected=laptops)


def clones() -> dict[str, float]:
    """Sentences by what became of them."""
    outcomes = ("cloned", "untaken", "late", "failed", "refused", "withdrawn")
    name = "babblefish_gateway_clones_total"
    return {it: REGISTRY.get_sample_value(name, {"outcome": it}) or 0 for it in outcomes}


async def counted(before: dict[str, float], *outcomes: str) -> None:
    """Until one more sentence came to one of these ends."""
    async with asyncio.timeout(10):
        while all(clones()[outcome] == before[outcome] for outcome in outcomes):
            await asyncio.sleep(0.01)


async def status(running: Running) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        answer: dict[str, Any] = (await http.get(running.http)).json()
    return answer


async def test_the_stock_voice_then_their_own(room: Meeting) -> None:
    dan, bob = await room.enter("Dan"), await room.enter("Bob")
    cloner = ScriptedCloner()
    async with laptop(accelerators(room.running), cloner, token=""):
        await connected(room.listener, 1)
        await clonable(room, dan, "dan")
        told = await room.says(dan, "dan")
        assert told["has_f5_pending"]
        assert told["tts_voice"] == "scripted"
        own = await room.listener.receive("f5_result")
    assert own["utterance_id"] == told["utterance_id"]
    assert (own["speaker_name"], own["speaker_id"]) == ("Dan", client_id(dan))
    assert (own["tts_voice"], own["synthetic"], own["target_language"]) == ("f5_cloned", True, "es")
    assert own["latency_ms"] >= told["latency_ms"]
    wav = base64.b64decode(own["tts_audio"])
    assert wav[:4] == b"RIFF"
    assert MARK.encode() in wav[:200]
    ((text, language, reference),) = cloner.spoken
    assert (text, language, reference.text) == (told["translation"], "es", WORDS)
    assert dan.all("f5_result") == bob.all("f5_result") == []


async def test_only_who_said_yes_by_voice_is_cloned(room: Meeting) -> None:
    """Not who did not, not who borrows the phone, and nothing that is typed."""
    dan, eva = await room.enter("Dan"), await room.enter("Eva")
    cloner = ScriptedCloner()
    async with laptop(accelerators(room.running), cloner, token=""):
        await connected(room.listener, 1)
        await clonable(room, dan, "dan")
        told = [await room.says(eva, "eva"), await room.says(dan, "somebody else")]
        await dan.send(type="text", text="house")
        told.append(await room.listener.receive("result", transcript="house"))
    assert [one["has_f5_pending"] for one in told] == [False, False, False]
    assert cloner.spoken == []


async def test_where_no_laptop_speaks_the_language_nothing_is_promised(room: Meeting) -> None:
    dan = await room.enter("Dan")
    await clonable(room, dan, "dan")
    assert not (await room.says(dan, "dan"))["has_f5_pending"]
    async with laptop(accelerators(room.running), ScriptedCloner(languages={"zh": ""}), token=""):
        await connected(room.listener, 1)
        assert not (await room.says(dan, "dan"))["has_f5_pending"]


async def test_who_takes_it_back_in_mid_sentence_is_not_heard(room: Meeting) -> None:
    dan = await room.enter("Dan")
    cloner = ScriptedCloner(held_up=asyncio.Event())
    async with laptop(accelerators(room.running), cloner, token=""):
        await connected(room.listener, 1)
        await clonable(room, dan, "dan")
        assert (await room.says(dan, "dan"))["has_f5_pending"]
        await cloner.begun.wait()
        before = clones()
        await dan.send(type="consent", consent="none")
        assert cloner.held_up
        cloner.held_up.set()
        answer = await dan.receive("consent", state="revoked")
        assert len(answer["purged"]) == 1
        await counted(before, "failed", "withdrawn")  # the one if the purge is there first
        assert not (await room.says(dan, "dan"))["has_f5_pending"]
        assert cloner.known == set()
    assert room.listener.all("f5_result") == []


async def test_a_session_that_allows_it_no_more_does_so_in_mid_sentence(tmp_path: Path) -> None:
    claims = {"iss": "babblefish-operator", "sub": "u", "session": "team", "voice_cloning": "OptIn"}
    token = jwt.encode(claims, KEY, algorithm="HS256")
    cloner = ScriptedCloner(held_up=asyncio.Event())
    async with (
        telling_apart(tmp_path, session_key=KEY) as running,
        joined(running.ws, "team", "Ana", "es", token=token) as ana,
        joined(running.ws, "team", "Dan", "en", token=token) as dan,
        laptop(accelerators(running), cloner, token=""),
    ):
        room = Meeting(running, AsyncExitStack(), "team")
        room.listener = ana
        await connected(ana, 1)
        await clonable(room, dan, "dan")
        assert (await room.says(dan, "dan"))["has_f5_pending"]
        await cloner.begun.wait()
        before = clones()
        await running.govern({"team": Live("u", "Disabled")})
        assert cloner.held_up
        cloner.held_up.set()
        await counted(before, "withdrawn")
        assert not (await room.says(dan, "dan"))["has_f5_pending"]
        assert len(cloner.spoken) == 1
    assert ana.all("f5_result") == []


async def test_what_comes_too_late_is_not_heard(tmp_path: Path) -> None:
    async with telling_apart(tmp_path, clone_deadline_s=2) as running, meeting(running) as room:
        dan, cloner = await room.enter("Dan"), ScriptedCloner(held_up=asyncio.Event())
        async with laptop(accelerators(running), cloner, token=""):
            await connected(room.listener, 1)
            await clonable(room, dan, "dan")
            before = clones()
            assert (await room.says(dan, "dan"))["has_f5_pending"]
            await counted(before, "late")
            assert cloner.held_up
            cloner.held_up.set()
        assert room.listener.all("f5_result") == []


async def test_a_laptop_that_dies_costs_nobody_a_sentence(room: Meeting) -> None:
    dan, cloner = await room.enter("Dan"), ScriptedCloner(held_up=asyncio.Event())
    before = clones()
    async with laptop(accelerators(room.running), cloner, token=""):
        await connected(room.listener, 1)
        await clonable(room, dan, "dan")
        assert (await room.says(dan, "dan"))["has_f5_pending"]
        await cloner.begun.wait()
    await connected(room.listener, 0)
    await counted(before, "failed")
    assert not (await room.says(dan, "dan"))["has_f5_pending"]


async def test_speech_that_is_none_is_not_heard(room: Meeting) -> None:
    dan = await room.enter("Dan")
    before = clones()
    cloner = ScriptedCloner(audio=Audio(SAID * 0, SAMPLE_RATE))
    async with laptop(accelerators(room.running), cloner, token=""):
        await connected(room.listener, 1)
        await clonable(room, dan, "dan")
        assert (await room.says(dan, "dan"))["has_f5_pending"]
        await counted(before, "failed")
    assert room.listener.all("f5_result") == []


async def test_whoever_looks_sees_the_laptops(room: Meeting) -> None:
    running = room.running
    assert (await status(running))["tts_accelerator"] is None
    async with laptop(accelerators(running), token="", accelerator_name="box"):
        await connected(room.listener, 1)
        assert (await status(running))["tts_accelerator"] == "connected"
        async with httpx.AsyncClient() as http:
            (seen,) = (await http.get(f"{running.http}/accelerators")).json()
            hidden = await http.get(f"{running.http}/accelerators", headers={"Via": "a proxy"})
        assert (seen["name"], seen["ready"], seen["voices"], seen["queue"]) == ("box", True, 0, 0)
        assert hidden.status_code == 403
        async with joined(running.ws, "another", "Eva", "en") as eva:
            assert (await eva.receive("accelerator"))["languages"] == ["en", "es"]
            assert eva.all("joined")[0]["capabilities"]["cloning"]
    await connected(room.listener, 0)
    assert (await status(running))["tts_accelerator"] is None


async def test_where_nobody_is_known_by_voice_nothing_is_promised(tmp_path: Path) -> None:
    async with gateway(tmp_path, None) as running, laptop(accelerators(running), token="") as it:
        await it.ready()
        async with joined(running.ws, "room", "Eva", "en") as eva:
            await eva.send(type="ping", id=1)
            await eva.receive("pong")
            assert not eva.all("joined")[0]["capabilities"]["cloning"]
            assert eva.all("accelerator") == []
