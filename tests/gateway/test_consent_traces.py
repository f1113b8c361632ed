"""Without consent, nothing that somebody said outlives the saying of it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from babblefish.audio import Samples, to_pcm16
from tests.gateway import meeting as scene
from tests.gateway.meeting import Meeting, agrees, client_id, meeting, telling_apart
from tests.support import speech
from tests.support.inprocess import Running
from tests.support.laptop import TOKEN, laptop
from tests.support.phone import Phone

pytestmark = pytest.mark.slow

_TAIL_BYTES = 2 * 512 * 10
"""What the endpointer keeps of any sound, as the beginning of the next utterance: 0.32 s."""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with telling_apart(tmp_path, accelerator_token=TOKEN) as started:
        yield started


@pytest.fixture
async def room(running: Running) -> AsyncIterator[Meeting]:
    async with meeting(running) as opened:
        yield opened


def snippets(said: Samples) -> list[bytes]:
    """Some milliseconds of its words here and there, as every format in use has them."""
    pieces = [said[at : at + 24] for at in range(len(said) // 4, 3 * len(said) // 4, 400)]
    words = [piece for piece in pieces if np.std(piece) > 0.02]
    return [form for piece in words for form in (piece.tobytes(), to_pcm16(piece))]


def buffers() -> Iterator[tuple[int, bytes]]:
    """Everything in this process that could be sound, and longer than a moment, with its id."""
    gc.collect()
    seen = set[int]()
    for held in gc.get_objects():
        for found in gc.get_referents(held):
            if id(found) in seen or type(found) not in (np.ndarray, bytes, bytearray):
                continue
            seen.add(id(found))
            content = found.tobytes() if isinstance(found, np.ndarray) else bytes(found)
            if len(content) > _TAIL_BYTES:
                yield id(found), content


def remembered(said: Samples) -> bool:
    """Whether this process still has any of it, beside the test's own."""
    wanted = snippets(said)
    return any(
        piece in content for number, content in buffers() if number != id(said) for piece in wanted
    )


async def forgotten(said: Samples) -> None:
    """Once nobody has it any more: the last to let go are tasks that just ended."""
    async with asyncio.timeout(10):
        while remembered(said):
            await asyncio.sleep(0.05)


def mine(gain: float) -> Samples:
    """The same words in samples that nobody else has."""
    return (np.round(gain * speech.numbers() * 32768) / 32768).astype(np.float32)


def test_what_is_remembered_is_found() -> None:
    said = mine(0.9)
    assert not remembered(said)
    box = [[said.copy()], {"pcm": to_pcm16(said)}]
    assert remembered(said)
    box.clear()
    assert not remembered(said)


async def test_of_somebody_who_was_not_asked_nothing_is_left(
    room: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = mine(0.8)
    monkeypatch.setattr(scene, "SAID", said)
    dan = await room.enter("Dan")
    for _ in range(2):
        await room.says(dan, "dan")
    await forgotten(said)
    assert not any(piece in room.running.traces for piece in snippets(said))
    for file in room.running.data_dir.rglob("*"):
        assert not file.is_file() or not any(piece in file.read_bytes() for piece in snippets(said))


async def ready(room: Meeting, dan: Phone) -> None:
    """Dan agrees, and talks until he can be cloned."""
    await room.says(dan, "dan")
    await agrees(dan)
    for number in range(2):
        await room.says(dan, "dan")
        told = await dan.receive("training_progress", samples=number + 1)
    assert told["ready"]


async def test_of_somebody_who_took_it_back_nothing_is_left_here_nor_on_laptops(
    room: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = mine(0.7)
    monkeypatch.setattr(scene, "SAID", said)
    dan = await room.enter("Dan")
    url = room.running.ws.replace("/ws/client", "/ws/tts-accelerator")
    async with laptop(url) as desk:
        await desk.ready()
        await ready(room, dan)
        told = await room.says(dan, "dan")
        assert told["has_f5_pending"]
        cloned = await room.listener.receive("f5_result")
        assert cloned["speaker_id"] == client_id(dan)
        assert desk.cloner.known
        await dan.receive("training_progress", samples=3)
        left = room.running.data_dir / "training" / client_id(dan)  # by a fine-tune that was killed
        left.mkdir(parents=True)
        await dan.send(type="consent", consent="none")
        revoked = await dan.receive("consent")
        assert (revoked["state"], len(revoked["purged"]), revoked["waiting"]) == ("revoked", 1, [])
        assert not desk.cloner.known
        desk.cloner.spoken.clear()
        await forgotten(said)
        assert not any(piece in room.running.traces for piece in snippets(said))
        assert not left.exists()
        assert not (await room.says(dan, "dan"))["has_f5_pending"]
        assert desk.cloner.spoken == []


async def test_a_sentence_under_way_is_dropped_when_it_is_taken_back(
    room: Meeting,
) -> None:
    dan = await room.enter("Dan")
    url = room.running.ws.replace("/ws/client", "/ws/tts-accelerator")
    async with laptop(url) as desk:
        await desk.ready()
        await ready(room, dan)
        desk.cloner.held_up = asyncio.Event()
        assert (await room.says(dan, "dan"))["has_f5_pending"]
        await asyncio.wait_for(desk.cloner.begun.wait(), 5)
        await dan.send(type="consent", consent="none")
        assert (await dan.receive("consent"))["state"] == "revoked"
        desk.cloner.held_up.set()
        await room.says(dan, "dan")
        assert room.listener.all("f5_result") == []
