"""The registry's file: SQLite in the data folder, readable by nobody else.

What is forgotten leaves no trace in it: deleted rows are overwritten (`secure_delete`), and the
log that still has them is emptied (https://www.sqlite.org/wal.html).
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from babblefish.errors import DataFolderError, KeptFileError
from babblefish.people import Speaker
from babblefish.registry.identity import Voice
from babblefish.speaker.base import Voiceprint

FILE = "speakers.sqlite"

_VERSION = 1
_PATIENCE_S = 5.0
_SCHEMA = """
CREATE TABLE voices (
  session TEXT NOT NULL,
  uid TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  number INTEGER NOT NULL,
  model TEXT NOT NULL,
  enrolment BLOB NOT NULL,
  centroid BLOB NOT NULL,
  weight REAL NOT NULL,
  utterances INTEGER NOT NULL,
  seconds REAL NOT NULL,
  heard_at REAL NOT NULL,
  PRIMARY KEY (session, id)
) STRICT
"""
_SESSIONS = "SELECT DISTINCT session, uid FROM voices"


class SessionKey(NamedTuple):
    """A session; `uid` tells one that an operator made from another of its name."""

    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A voice in its session, and when it was last heard, in seconds since 1970."""

    session: SessionKey
    voice: Voice
    heard_at: float


class Store:
    """An open file, or memory where `path` is none; used by one thread at a time.

    Raises `DataFolderError` and `KeptFileError` when opened, `sqlite3.Error` after that.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path:
            _make_private(path)
        self._database = sqlite3.connect(
            path or ":memory:",
            timeout=_PATIENCE_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self.close()
            raise _useless(path, str(error)) from error

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """What is read in here still holds when it is written: others wait."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def voices(self, session: str) -> list[Voice]:
        """Those of a session, in order of enrolment."""
        return [kept.voice for kept in self._select("WHERE session = ?", session)]

    def all(self) -> list[Kept]:
        """Those of all sessions."""
        return self._select("")

    def put(self, kept: Kept) -> None:
        """Keeps a voice, in place of what was known of it."""
        speaker, voice = kept.voice.speaker, kept.voice
        self._database.execute(
            "INSERT INTO voices VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            " uid=excluded.uid, name=excluded.name, number=excluded.number, model=excluded.model,"
            " enrolment=excluded.enrolment, centroid=excluded.centroid, weight=excluded.weight,"
            " utterances=excluded.utterances, seconds=excluded.seconds, heard_at=excluded.heard_at",
            (
                *(kept.session.name, kept.session.uid, speaker.id, speaker.name, speaker.number),
                *(voice.model, _packed(voice.enrolment), _packed(voice.centroid), voice.weight),
                *(voice.utterances, voice.seconds, kept.heard_at),
            ),
        )

    def rename(self, session: str, speaker_id: str, name: str) -> bool:
        """Whether there is such a speaker."""
        changed = self._database.execute(
            "UPDATE voices SET name = ? WHERE session = ? AND id = ?", (name, session, speaker_id)
        )
        return changed.rowcount > 0

    def forget_speaker(self, speaker_id: str) -> int:
        """How many voices had this id."""
        return self._forget("id = ?", speaker_id)

    def forget_unheard(self, seconds: float) -> int:
        """How many voices nobody heard for so long."""
        return self._forget("heard_at < ?", time.time() - seconds)

    def forget_sessions(self, over: Callable[[SessionKey], bool]) -> int:
        """How many voices the sessions had that are `over`."""
        known = [SessionKey(*row) for row in self._database.execute(_SESSIONS)]
        return sum(
            self._forget("session = ? AND uid = ?", session.name, session.uid)
            for session in known
            if over(session)
        )

    def _forget(self, which: str, *values: object) -> int:
        forgotten = self._database.execute(f"DELETE FROM voices WHERE {which}", values).rowcount  # noqa: S608 ours
        if forgotten:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return forgotten

    def _select(self, which: str, *values: object) -> list[Kept]:
        found = self._database.execute(
            f"SELECT * FROM voices {which} ORDER BY session, rowid",  # noqa: S608 ours
            values,
        )
        return [_kept(row) for row in found]

    def _prepare(self) -> None:
        for pragma in ("secure_delete = ON", "journal_mode = WAL", "synchronous = NORMAL"):
            self._database.execute(f"PRAGMA {pragma}").fetchall()
        with self.alone():
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._database.execute(_SCHEMA)
                self._database.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise sqlite3.DatabaseError("it is of another version of BabbleFish")


def _make_private(path: Path) -> None:
    """SQLite gives the files beside it the permissions of this one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise DataFolderError(
            f"{str(path)!r} cannot be written: {error.strerror}.",
            "Mend it, or name another folder with BABBLEFISH_DATA_DIR.",
        ) from error


def _useless(path: Path | None, reason: str) -> KeptFileError:
    return KeptFileError(
        f"{str(path)!r} cannot be used: {reason}.",
        "Delete it: voices are then learned again, as people speak.",
    )


def _kept(row: tuple[Any, ...]) -> Kept:
    session, uid, speaker_id, name, number, model, enrolment, centroid, *counts, heard_at = row
    voice = Voice(
        Speaker(speaker_id, name, number), model, _unpacked(enrolment), _unpacked(centroid), *counts
    )
    return Kept(SessionKey(session, uid), voice, heard_at)


def _packed(vector: Voiceprint) -> bytes:
    return vector.astype("<f4").tobytes()


def _unpacked(blob: bytes) -> Voiceprint:
    return np.frombuffer(blob, "<f4").astype(np.float32)
