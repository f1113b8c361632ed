"""What is kept of voices, and that nothing is left of what was forgotten."""

import sqlite3
import stat
import time
from pathlib import Path
from threading import Barrier, Thread

import numpy as np
import pytest
from hypothesis import given

from babblefish.errors import DataFolderError, KeptFileError
from babblefish.registry.identity import Voice, decide
from babblefish.registry.store import Kept, SessionKey, Store
from babblefish.speaker.base import Voiceprint
from tests.registry.voices import DAN, PIERRE, heard, print_of, prints, voice

ROOM = SessionKey("room")


def kept(known: Voice, session: SessionKey = ROOM, heard_at: float | None = None) -> Kept:
    return Kept(session, known, time.time() if heard_at is None else heard_at)


def ids(store: Store, session: str = "room") -> list[str]:
    return [known.speaker.id for known in store.voices(session)]


@given(prints, prints)
def test_voices_come_back_as_they_were(enrolment: Voiceprint, centroid: Voiceprint) -> None:
    store = Store()
    known = Voice(voice(enrolment).speaker, "a model", enrolment, centroid, 3.5, 4, 12.25)
    store.put(kept(known))
    (found,) = store.voices("room")
    assert np.array_equal(found.enrolment, enrolment)
    assert np.array_equal(found.centroid, centroid)
    assert (found.speaker, found.model, found.weight) == (known.speaker, "a model", 3.5)
    assert (found.utterances, found.seconds) == (4, 12.25)


def test_they_outlive_the_process_that_kept_them(tmp_path: Path) -> None:
    path = tmp_path / "data" / "speakers.sqlite"
    first = Store(path)
    first.put(kept(voice(print_of(1), "a")))
    first.close()
    assert ids(Store(path)) == ["a"]


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / "data" / "speakers.sqlite"
    store = Store(path)
    store.put(kept(voice(print_of(1))))
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {"speakers.sqlite", "speakers.sqlite-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_forgotten_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    store = Store(path)
    stays, goes = voice(print_of(1), "stays"), voice(print_of(2), "goes")
    for known in (stays, goes):
        store.put(kept(known))
    store.put(kept(voice(print_of(3), "goes2")))
    store.rename("room", "goes", "Somebody by name")
    assert traces(tmp_path, goes.centroid.tobytes(), b"Somebody by name")
    assert store.forget_speaker("goes") == 1
    assert not traces(tmp_path, goes.centroid.tobytes(), b"Somebody by name")
    assert traces(tmp_path, stays.centroid.tobytes())
    assert store.forget_sessions(lambda session: True) == 2
    assert not traces(tmp_path, stays.centroid.tobytes(), print_of(3).tobytes())


def traces(folder: Path, *secrets: bytes) -> bool:
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    return any(secret in content for secret in secrets)


def test_sessions_of_one_name_are_told_apart_by_who_made_them() -> None:
    store = Store()
    former, latter = SessionKey("team", "uid 1"), SessionKey("board", "uid 2")
    store.put(kept(voice(print_of(1), "a"), former))
    store.put(kept(voice(print_of(2), "b"), latter))
    assert store.forget_sessions(lambda session: session == SessionKey("team", "uid 3")) == 0
    assert store.forget_sessions(lambda session: session == former) == 1
    assert (ids(store, "team"), ids(store, "board")) == ([], ["b"])


def test_what_nobody_heard_for_long_is_forgotten() -> None:
    store = Store()
    store.put(kept(voice(print_of(1), "old"), heard_at=time.time() - 100))
    store.put(kept(voice(print_of(2), "new")))
    assert store.forget_unheard(50) == 1
    assert ids(store) == ["new"]


def test_two_processes_that_hear_a_new_voice_at_once_enrol_it_once(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    Store(path).close()
    ready = Barrier(2)

    def hear(number: int) -> None:
        store = Store(path)
        ready.wait()
        with store.alone():
            utterance = heard(print_of(1), fresh_id=f"fresh{number}")
            known = decide(utterance, (PIERRE, DAN)[number], store.voices("room"), [PIERRE, DAN])
            assert known.voice
            store.put(kept(known.voice))
        store.close()

    threads = [Thread(target=hear, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (only,) = Store(path).voices("room")
    assert only.utterances == 2


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\0" + bytes(200)])
def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "speakers.sqlite"
    path.write_bytes(content)
    with pytest.raises(KeptFileError, match="Delete it"):
        Store(path)


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "speakers.sqlite"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(KeptFileError, match="another version"):
        Store(path)


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataFolderError, match="BABBLEFISH_DATA_DIR"):
        Store(tmp_path / "file" / "speakers.sqlite")
