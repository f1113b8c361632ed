"""The registry's file: SQLite in the data folder, readable by nobody else.

What is forgotten leaves no trace in it: deleted rows are overwritten (`secure_delete`), and the
log that still has them is emptied (https://www.sqlite.org/wal.html).
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from babblefish.errors import DataFolderError, KeptFileError
from babblefish.people import Speaker
from babblefish.registry import schema
from babblefish.registry.consents import Consents
from babblefish.registry.holdings import Holdings
from babblefish.registry.identity import Voice
from babblefish.registry.kept import Kept, SessionKey, packed, unpacked
from babblefish.registry.samples import Samples
from babblefish.registry.scratch import Scratch

__all__ = ["FILE", "Kept", "SessionKey", "Store"]

FILE = "speakers.sqlite"

_SCRATCH = "training"
_PATIENCE_S = 5.0
_SESSIONS = "SELECT DISTINCT session, uid FROM voices"


class Store:
    """An open file, or memory where `path` is none; used by one thread at a time.

    Raises `DataFolderError` and `KeptFileError` when opened, `sqlite3.Error` after that.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path:
            _make_private(path)
        self.lasting = path is not None
        """Whether what is kept here outlives the process."""
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
        self.consents = Consents(self._database)
        self.samples = Samples(self._database)
        self.holdings = Holdings(self._database)
        self.scratch = Scratch(path.parent / _SCRATCH if path else None)

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
        if self._traces:
            self._empty_log()

    def changes(self) -> int:
        """Another number after another process has written."""
        (number,) = self._database.execute("PRAGMA data_version").fetchone()
        return int(number)

    def voices(self, session: str) -> list[Voice]:
        """Those of a session, in order of enrolment."""
        return [kept.voice for kept in self.of(session)]

    def of(self, session: str) -> list[Kept]:
        """Likewise, with when they were heard."""
        return self._select("WHERE session = ?", session)

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
                *(voice.model, packed(voice.enrolment), packed(voice.centroid), voice.weight),
                *(voice.utterances, voice.seconds, kept.heard_at),
            ),
        )

    def rename(self, session: str, speaker_id: str, name: str) -> bool:
        """Whether there is such a speaker."""
        changed = self._database.execute(
            "UPDATE voices SET name = ? WHERE session = ? AND id = ?", (name, session, speaker_id)
        )
        if changed.rowcount:
            self.consents.rename(speaker_id, name)
        return changed.rowcount > 0

    def forget_speaker(self, speaker_id: str) -> int:
        """How many voices had this id; everything that was kept of them is gone."""
        with self._whole():
            consents = int(self.revoke(speaker_id))
            return max(consents, self._forget("id = ?", speaker_id))

    def forget_session(self, name: str) -> int:
        """How many voices a session has, or, now retained, said yes in; as `forget_speaker`."""
        with self._whole():
            found = self._database.execute(
                "SELECT id FROM voices WHERE session = ?1"
                " UNION SELECT voice FROM consents WHERE session = ?1",
                (name,),
            ).fetchall()
            return sum(self.forget_speaker(voice) for (voice,) in found)

    def forget_all(self) -> int:
        """How many voices there were; as `forget_speaker`."""
        with self._whole():
            retained = self._delete("consents WHERE voice NOT IN (SELECT id FROM voices)")
            self._delete("consents")
            self._sweep()
            return retained + self._forget("true")

    def revoke(self, speaker_id: str) -> bool:
        """Whether the voice consented; of that nothing is left, but its session still knows it."""
        with self._whole():
            revoked = self._delete("consents WHERE voice = ?", speaker_id) > 0
            self._sweep()
            return revoked

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

    def _sweep(self) -> None:
        self.scratch.sweep(lambda voice: self.consents.of(voice) is not None)

    def _forget(self, which: str, *values: object) -> int:
        return self._delete(f"voices WHERE {which}", *values)

    def _delete(self, what: str, *values: object) -> int:
        deleted = self._database.execute(f"DELETE FROM {what}", values).rowcount  # noqa: S608 ours
        self._traces |= deleted > 0
        if deleted and not self._database.in_transaction:
            self._empty_log()
        return deleted

    def _empty_log(self) -> None:
        """Fails where another process reads it for long: what goes next empties it."""
        busy, *_ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._traces = bool(busy)

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """One transaction, the caller's where there is one."""
        with contextlib.nullcontext() if self._database.in_transaction else self.alone():
            yield

    def _select(self, which: str, *values: object) -> list[Kept]:
        found = self._database.execute(
            f"SELECT * FROM voices {which} ORDER BY session, rowid",  # noqa: S608 ours
            values,
        )
        return [_kept(row) for row in found]

    def _prepare(self) -> None:
        for pragma in ("secure_delete = ON", "journal_mode = WAL", "synchronous = NORMAL"):
            self._database.execute(f"PRAGMA {pragma}").fetchall()
        self._traces = False
        with self.alone():
            schema.migrate(self._database)
        self._database.execute("PRAGMA foreign_keys = ON")


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
        Speaker(speaker_id, name, number), model, unpacked(enrolment), unpacked(centroid), *counts
    )
    return Kept(SessionKey(session, uid), voice, heard_at)
