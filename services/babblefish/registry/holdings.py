"""Which laptop holds what of whose voice: from before it is sent until it is confirmed gone."""

import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass

_REMEMBERED_S = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Purge:
    """Which laptops confirmed that nothing of a voice is left there, and which are still away."""

    purged: list[str]
    waiting: list[str]


class Holdings:
    """The table; raises `sqlite3.Error`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def sent(self, voice: str, laptop: str) -> None:
        """It holds the voice from now on."""
        self._database.execute(
            "INSERT OR REPLACE INTO holdings VALUES (?,?,?,0)", (voice, laptop, time.time())
        )

    def holds(self, laptop: str, voices: Collection[str]) -> None:
        """It holds these, and nobody else."""
        self._database.execute("UPDATE holdings SET purged=1 WHERE laptop=?", (laptop,))
        for voice in voices:
            self.sent(voice, laptop)

    def purged(self, laptop: str, voices: Collection[str]) -> None:
        """It has nothing of these any more."""
        self._database.executemany(
            "UPDATE holdings SET purged=1 WHERE laptop=? AND voice=?",
            [(laptop, voice) for voice in voices],
        )

    def of(self, voice: str) -> Purge:
        """Who had it, and who still has."""
        found = self._database.execute(
            "SELECT laptop, purged FROM holdings WHERE voice=? ORDER BY laptop", (voice,)
        ).fetchall()
        return Purge(
            [laptop for laptop, purged in found if purged],
            [laptop for laptop, purged in found if not purged],
        )

    def forget_old(self) -> None:
        """Laptops hold voices in memory only: none does after so long."""
        before = time.time() - _REMEMBERED_S
        self._database.execute("DELETE FROM holdings WHERE sent_at < ?", (before,))
