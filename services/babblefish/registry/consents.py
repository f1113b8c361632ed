"""Who said yes to the cloning of their voice: the table of consents.

A consent holds the voice's prints: the voice is known by them when its session is long over.
"""

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from babblefish.people import Speaker
from babblefish.registry.identity import Voice
from babblefish.registry.kept import Kept, SessionKey, packed, unpacked

MAX_CONSENTS = 256
"""Voices that are kept beyond their sessions; for one more, the longest unheard is forgotten."""

_GOOD = "expires > ?"


@dataclass(frozen=True, slots=True)
class Consent:
    """A yes: whose, in which session, to which wording; times in seconds since 1970."""

    voice: Voice
    session: SessionKey
    wording: str
    since: float
    expires: float
    heard_at: float


class Consents:
    """The table; raises `sqlite3.Error`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def give(self, kept: Kept, wording: str, lasts_s: float) -> Consent:
        """The yes of a voice that was heard in a session; said again, it is as of now."""
        now = time.time()
        consent = Consent(kept.voice, kept.session, wording, now, now + lasts_s, kept.heard_at)
        # Not REPLACE: that would delete the row, and with it all that hangs on it.
        self._database.execute(
            "INSERT INTO consents VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            " session=excluded.session, uid=excluded.uid, wording=excluded.wording,"
            " since=excluded.since, expires=excluded.expires, heard_at=excluded.heard_at,"
            " name=excluded.name",
            _row(consent),
        )
        return consent

    def heard(self, voice: Voice, lasts_s: float) -> None:
        """The voice was heard once more: it is known better, and for so much longer."""
        now = time.time()
        self._database.execute(
            "UPDATE consents SET heard_at=?, expires=?, number=?, centroid=?, weight=?,"
            " utterances=?, seconds=? WHERE voice=? AND model=? AND expires > ?",
            (
                *(now, now + lasts_s, voice.speaker.number, packed(voice.centroid), voice.weight),
                *(voice.utterances, voice.seconds, voice.speaker.id, voice.model, now),
            ),
        )

    def rename(self, voice: str, name: str) -> None:
        """It is called that from now on."""
        self._database.execute("UPDATE consents SET name=? WHERE voice=?", (name, voice))

    def of(self, voice: str) -> Consent | None:
        """Its yes, if there is one that still holds."""
        found = self._select(f"voice = ? AND {_GOOD}", voice, time.time())
        return found[0] if found else None

    def all(self) -> list[Consent]:
        """Every yes that still holds, the oldest first."""
        return self._select(_GOOD, time.time())

    def outlived(self) -> list[str]:
        """The voices whose yes has run out, or that are too many: to be forgotten."""
        found = self._database.execute(
            "SELECT voice FROM consents WHERE expires <= ? UNION SELECT voice FROM (SELECT voice"
            " FROM consents ORDER BY heard_at DESC LIMIT -1 OFFSET ?)",
            (time.time(), MAX_CONSENTS),
        )
        return [voice for (voice,) in found]

    def _select(self, which: str, *values: object) -> list[Consent]:
        found = self._database.execute(
            f"SELECT * FROM consents WHERE {which} ORDER BY since, voice",  # noqa: S608 ours
            values,
        )
        return [_consent(row) for row in found]


def _row(consent: Consent) -> tuple[Any, ...]:
    voice, speaker = consent.voice, consent.voice.speaker
    return (
        *(speaker.id, *consent.session, consent.wording, consent.since, consent.expires),
        *(consent.heard_at, speaker.name, speaker.number, voice.model, packed(voice.enrolment)),
        *(packed(voice.centroid), voice.weight, voice.utterances, voice.seconds),
    )


def _consent(row: tuple[Any, ...]) -> Consent:
    voice_id, session, uid, wording, since, expires, heard_at, name, number, *known = row
    model, enrolment, centroid, *counts = known
    speaker = Speaker(voice_id, name, number)
    voice = Voice(speaker, model, unpacked(enrolment), unpacked(centroid), *counts)
    return Consent(voice, SessionKey(session, uid), wording, since, expires, heard_at)
