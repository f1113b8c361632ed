"""What those who clone may know, and what becomes of it when the file fails."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from babblefish.audio import SAMPLE_RATE, Audio
from babblefish.errors import KeptFileError
from babblefish.registry import store as store_module
from babblefish.registry.registry import Registry, opened
from babblefish.registry.store import Kept, Store
from babblefish.voices.collecting import Collector
from babblefish.voices.own import Own
from babblefish.voices.quality import Said
from tests.registry.consents import SESSION, consenting
from tests.registry.voices import THRESHOLD, print_of, voice
from tests.support import speech
from tests.support.inprocess import ScriptedEncoder

PIERRE = voice(print_of(1), "pierre")
SENTENCE = "thirty three four or six ninety two"


def said(text: str = SENTENCE) -> Said:
    sound = Audio(speech.numbers(), SAMPLE_RATE)
    return Said("pierre", sound, 0.8 * sound.seconds, text, "en")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A registry that has Pierre, who said yes, and Dan, who did not."""
    path = tmp_path / "speakers.sqlite"
    with closing(Store(path)) as store:
        consenting(store, PIERRE)
        store.put(Kept(SESSION, voice(print_of(2), "dan"), time.time()))
    return path


@pytest.fixture
async def registry(file: Path) -> AsyncIterator[Registry]:
    async with opened(file) as registry:
        yield registry


@pytest.fixture
def own(registry: Registry) -> Own:
    return Own(registry)


async def test_only_of_who_said_yes_is_anything_known(own: Own) -> None:
    assert await own.consenting(["pierre", "dan", "nobody"]) == {"pierre"}
    assert await own.reference("dan") is None
    assert await own.cloned_from("dan") is None
    reference = await own.reference("pierre")
    assert reference
    assert reference.id == await own.cloned_from("pierre")
    assert reference.adapter


async def test_a_no_wakes_who_waits_for_it_and_deletes_first(own: Own) -> None:
    assert not own.revoked().is_set()
    assert await own.revoke(["dan", "pierre"]) == ["pierre"]
    assert own.revoked().is_set()
    assert await own.reference("pierre") is None
    assert await own.revoke(["pierre"]) == []


async def test_a_revocation_is_confirmed_as_soon_as_the_last_laptop_has(own: Own) -> None:
    for laptop in ("desk", "sofa"):
        await own.sent("pierre", laptop)
    await own.revoke(["pierre"])
    confirmation = asyncio.create_task(own.confirmed("pierre", within_s=60))
    await own.purged("desk", ["pierre"])
    await own.holds("sofa", [])
    async with asyncio.timeout(10):
        purge = await confirmation
    assert (purge.purged, purge.waiting) == (["desk", "sofa"], [])
    await own.sent("pierre", "late")
    assert (await own.confirmed("pierre", within_s=0)).waiting == ["late"]


async def test_what_another_process_takes_back_is_noticed(own: Own, file: Path) -> None:
    watching = asyncio.create_task(own.watch())
    try:
        with own.news.listening() as bell:
            await own.progress("pierre")
            with closing(Store(file)) as other:
                other.revoke("pierre")
            async with asyncio.timeout(10):
                await bell.wait()
        assert own.revoked().is_set()
        assert await own.lost(["pierre"]) == ["pierre"]
    finally:
        watching.cancel()


async def test_where_the_file_is_busy_nobody_said_yes_and_nobody_is_told_otherwise(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_PATIENCE_S", 0.05)
    async with opened(file) as registry:
        own = Own(registry)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await own.consenting(["pierre"]) == frozenset()
            assert await own.reference("pierre") is None
            assert await own.lost(["pierre"]) == []
            assert await own.give("room", ["dan"], "v1") is None
            with pytest.raises(KeptFileError, match="could not be deleted"):
                await own.revoke(["pierre"])
            other.execute("ROLLBACK")
        assert await own.consenting(["pierre"]) == {"pierre"}


async def test_a_sample_makes_the_reference_better(own: Own) -> None:
    former = await own.cloned_from("pierre")
    for _ in range(2):
        await own.keep(replace(said(), voice="pierre"))
    reference = await own.reference("pierre")
    assert reference
    assert reference.text == f"{SENTENCE}. {SENTENCE}."
    assert reference.id != former
    await own.keep(said())
    assert await own.cloned_from("pierre") == reference.id


async def test_of_who_said_no_nothing_is_kept(own: Own) -> None:
    await own.revoke(["pierre"])
    await own.keep(said())
    assert await own.progress("pierre") is None
    assert await own.accounts() == []


class Collecting:
    """A collector that is at work, and whom it told of."""

    def __init__(self, own: Own, encoder: ScriptedEncoder) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.collector = Collector(own, encoder, 5, self.told.put)


@pytest.fixture
async def encoder(registry: Registry) -> ScriptedEncoder:
    """One that hears Pierre as the registry knows him."""
    encoder = ScriptedEncoder(model=PIERRE.model, threshold=THRESHOLD)
    encoder.talking = "pierre"
    encoder._voices["pierre"] = PIERRE.centroid
    return encoder


async def test_clean_speech_in_one_voice_is_kept(own: Own, encoder: ScriptedEncoder) -> None:
    collecting = Collecting(own, encoder)
    collecting.collector.offer(said())
    await collecting.collector._next()
    assert collecting.told.get_nowait() == "pierre"
    progress = await own.progress("pierre")
    assert progress
    assert progress.samples == 2


@pytest.mark.parametrize("flawed", ["another voice", "no voice", "broken", "text", "revoked"])
async def test_nothing_else_is(own: Own, encoder: ScriptedEncoder, flawed: str) -> None:
    collecting = Collecting(own, encoder)
    encoder.talking = "dan" if flawed == "another voice" else "pierre"
    encoder.hears, encoder.fails = flawed != "no voice", flawed == "broken"
    if flawed == "revoked":
        await own.revoke(["pierre"])
    collecting.collector.offer(said(text="" if flawed == "text" else SENTENCE))
    await collecting.collector._next()
    assert collecting.told.empty()
    progress = await own.progress("pierre")
    assert progress is None if flawed == "revoked" else progress and progress.samples == 1


async def test_what_is_too_much_at_once_is_dropped(own: Own, encoder: ScriptedEncoder) -> None:
    collecting = Collecting(own, encoder)
    for _ in range(100):
        collecting.collector.offer(said())
    assert collecting.collector._said.qsize() == 16
