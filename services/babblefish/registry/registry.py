"""The voices of each session, asked without blocking the event loop.

Nothing is remembered beside the file: what another process keeps or forgets holds at once.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from babblefish.errors import BabbleFishError
from babblefish.people import Person
from babblefish.registry.identity import Decision, Heard, Voice, decide
from babblefish.registry.store import Kept, SessionKey, Store
from babblefish.telemetry import log

_UNHEARD_S = 7 * 86_400.0
"""A voice that nobody heard for so long is forgotten, whatever became of its session."""

_log = log(__name__)

T = TypeVar("T")


class Registry:
    """A store with a thread of its own.

    A file that fails is as one that knows nobody: people are still translated.
    """

    def __init__(self, store: Store, consent_s: float = 30 * 86_400.0) -> None:
        self._store = store
        self.consent_s = consent_s
        """How long a yes outlives what was last heard of the voice."""
        self._thread = ThreadPoolExecutor(1, "speakers")

    async def identify(
        self,
        session: SessionKey,
        heard: Heard,
        phone: Person,
        people: Sequence[Person],
        *,
        keep: bool,
        cloning: bool = False,
    ) -> Decision:
        """Whose voice `phone` heard; what that teaches is kept only if `keep`.

        Where there is `cloning`, voices that consent are known again, and their yes is looked up.
        """

        def identified() -> Decision:
            known = self._store.voices(session.name)
            retained = self._retained(known) if cloning else []
            decision = decide(heard, phone, known, people, retained)
            if keep and decision.voice:
                self._store.put(Kept(session, decision.voice, time.time()))
                if cloning:
                    self._store.consents.heard(decision.voice, self.consent_s)
            return self._consenting(decision) if cloning else decision

        return await self.ask(identified, Decision("unsure"))

    async def rename(self, session: str, speaker_id: str, name: str) -> Voice | None:
        """The speaker under the new name, if there is one of that id."""

        def renamed() -> Voice | None:
            self._store.rename(session, speaker_id, name)
            voices = self._store.voices(session)
            return next((voice for voice in voices if voice.speaker.id == speaker_id), None)

        return await self.ask(renamed, None)

    async def voices(self, session: str) -> list[Voice]:
        """Those of a session."""
        return await self.ask(lambda: self._store.voices(session), [])

    async def all(self) -> list[Kept]:
        """Those of all sessions."""
        return await self.ask(self._store.all, [])

    async def begin(self, session: SessionKey) -> None:
        """Forgets the voices of another session that had this one's name."""
        await self._forget(lambda kept: kept.name == session.name and kept != session)

    async def end(self, session: SessionKey) -> None:
        """Forgets its voices."""
        await self._forget(lambda kept: kept == session)

    async def end_governed(self, live: Mapping[str, str]) -> None:
        """Forgets sessions that an operator made and that are no more; `live`: uids by name."""
        await self._forget(lambda kept: kept.uid != "" and live.get(kept.name) != kept.uid)

    async def end_adhoc(self, present: frozenset[str]) -> None:
        """Forgets sessions that nobody made and nobody is in."""
        await self._forget(lambda kept: kept.uid == "" and kept.name not in present)

    @property
    def store(self) -> Store:
        """What `ask` asks: nobody else may, at the same time."""
        return self._store

    async def ask(self, work: Callable[[], T], otherwise: T) -> T:
        """What `work` returns, which may use the `store`: all it does holds, or none of it."""

        def worked() -> T:
            with self._store.alone():
                return work()

        return await self._call(worked, otherwise)

    async def changes(self) -> int:
        """Another number after another process has written; −1 if that cannot be known."""
        return await self._call(self._store.changes, -1)

    async def close(self) -> None:
        """Nothing is asked after this."""
        await self._call(self._store.close, None)
        self._thread.shutdown()

    def _retained(self, known: Sequence[Voice]) -> list[Voice]:
        here = {voice.speaker.id for voice in known}
        voices = [consent.voice for consent in self._store.consents.all()]
        return [voice for voice in voices if voice.speaker.id not in here]

    def _consenting(self, decision: Decision) -> Decision:
        voice = decision.voice
        if not (decision.beyond_doubt and voice):
            return decision
        consent = self._store.consents.of(voice.speaker.id)
        if consent is None or consent.voice.model != voice.model:
            return decision
        reference = self._store.samples.cloned_from(voice.speaker.id)
        return replace(decision, consents=True, reference=reference)

    async def _forget(self, over: Callable[[SessionKey], bool]) -> None:
        await self._call(lambda: self._store.forget_sessions(over), 0)

    async def _call(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            _log.error("speakers_not_kept", error=str(error))
            return otherwise


@contextlib.asynccontextmanager
async def opened(path: Path | None, consent_days: float = 30) -> AsyncIterator[Registry]:
    """The registry in that file; in memory where there is none, or none can be had."""
    registry = Registry(await asyncio.to_thread(_store, path), 86_400 * consent_days)
    try:
        yield registry
    finally:
        await registry.close()


def _store(path: Path | None) -> Store:
    try:
        store = Store(path)
        store.forget_unheard(_UNHEARD_S)
        store.holdings.forget_old()
    except (BabbleFishError, sqlite3.Error) as error:
        _log.warning("speakers_in_memory", error=str(error))
        return Store()
    return store
