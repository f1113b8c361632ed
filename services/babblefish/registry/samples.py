"""What was collected of consenting voices: samples, what they are cloned from, what was trained."""

import secrets
import sqlite3
import time
from dataclasses import dataclass

from babblefish.audio import SAMPLE_RATE, Audio, from_pcm16, to_pcm16
from babblefish.cloner.base import Reference

_ADAPTERS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Something that a voice said, without its sound; `quality` from 0 to 1, the higher the better.

    Samples of one voice come in the order in which they were said.
    """

    id: int
    text: str
    language: str
    seconds: float
    quality: float


class Samples:
    """The tables of what hangs on a consent; raises `sqlite3.Error`, also where there is none."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    # ── samples ──────────────────────────────────────────────────────────────────────────────

    def add(self, voice: str, sound: Audio, text: str, language: str, quality: float) -> None:
        """Something clean that the voice said, at 16 kHz."""
        self._database.execute(
            "INSERT INTO samples (voice, text, language, seconds, quality, pcm)"
            " VALUES (?,?,?,?,?,?)",
            (voice, text, language, sound.seconds, quality, to_pcm16(sound.samples)),
        )

    def of(self, voice: str) -> list[Sample]:
        """Those of a voice."""
        found = self._database.execute(
            "SELECT id, text, language, seconds, quality FROM samples WHERE voice=? ORDER BY id",
            (voice,),
        )
        return [Sample(*row) for row in found]

    def sound(self, sample: Sample) -> Audio:
        """How it sounds."""
        (pcm,) = self._database.execute(
            "SELECT pcm FROM samples WHERE id=?", (sample.id,)
        ).fetchone()
        return Audio(from_pcm16(pcm), SAMPLE_RATE)

    def drop(self, sample: Sample) -> None:
        """There are better ones."""
        self._database.execute("DELETE FROM samples WHERE id=?", (sample.id,))

    # ── what a voice is cloned from ──────────────────────────────────────────────────────────

    def clone_from(
        self, voice: str, sound: Audio, text: str, language: str, quality: float
    ) -> None:
        """From now on the voice is cloned from this, under a new id."""
        self._database.execute(
            "INSERT OR REPLACE INTO cloned_from VALUES (?,?,?,?,?,?)",
            (voice, secrets.token_hex(6), text, language, quality, to_pcm16(sound.samples)),
        )

    def cloned_from(self, voice: str) -> str | None:
        """The id of what it is cloned from; another for every other content."""
        found = self._database.execute(
            "SELECT id FROM cloned_from WHERE voice=?", (voice,)
        ).fetchone()
        return found and _id(found[0], self._trained(voice))

    def quality(self, voice: str) -> float | None:
        """Of what it is cloned from; none where there is nothing."""
        found = self._database.execute(
            "SELECT quality FROM cloned_from WHERE voice=?", (voice,)
        ).fetchone()
        return found and float(found[0])

    def reference(self, voice: str) -> Reference | None:
        """What it is cloned from."""
        found = self._database.execute(
            "SELECT id, text, language, pcm FROM cloned_from WHERE voice=?", (voice,)
        ).fetchone()
        if found is None:
            return None
        key, text, language, pcm = found
        sound = Audio(from_pcm16(pcm), SAMPLE_RATE)
        key = _id(key, self._trained(voice))
        return Reference(key, sound, text, language, self.adapter(voice))

    # ── what was trained ─────────────────────────────────────────────────────────────────────

    def keep_adapter(self, voice: str, adapter: bytes, report: str) -> None:
        """What a fine-tune learned (safetensors); the one before is kept for `roll_back`."""
        self._database.execute(
            "INSERT INTO adapters (id, voice, report, made_at, content) VALUES (?,?,?,?,?)",
            (secrets.token_hex(6), voice, report, time.time(), adapter),
        )
        self._database.execute(
            "DELETE FROM adapters WHERE voice=? AND number NOT IN"
            " (SELECT number FROM adapters WHERE voice=? ORDER BY number DESC LIMIT ?)",
            (voice, voice, _ADAPTERS_KEPT),
        )

    def adapter(self, voice: str) -> bytes:
        """What its latest fine-tune learned; empty without one."""
        found = self._database.execute(
            "SELECT content FROM adapters WHERE voice=? ORDER BY number DESC LIMIT 1", (voice,)
        ).fetchone()
        return bytes(found[0]) if found else b""

    def report(self, voice: str) -> str | None:
        """What was measured of the latest fine-tune; none without one."""
        found = self._database.execute(
            "SELECT report FROM adapters WHERE voice=? ORDER BY number DESC LIMIT 1", (voice,)
        ).fetchone()
        return found and str(found[0])

    def roll_back(self, voice: str) -> bool:
        """Back to the fine-tune before the latest, or to none; false if there is none at all."""
        dropped = self._database.execute(
            "DELETE FROM adapters WHERE number = (SELECT max(number) FROM adapters WHERE voice=?)",
            (voice,),
        )
        return dropped.rowcount > 0

    def _trained(self, voice: str) -> str:
        found = self._database.execute(
            "SELECT id FROM adapters WHERE voice=? ORDER BY number DESC LIMIT 1", (voice,)
        ).fetchone()
        return str(found[0]) if found else ""


def _id(reference: str, adapter: str) -> str:
    return f"{reference}.{adapter}" if adapter else reference
