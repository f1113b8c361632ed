"""The voices of people who said yes, kept in the registry's file beside everybody's prints."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from babblefish.bell import Bell
from babblefish.cloner.base import Reference
from babblefish.errors import KeptFileError
from babblefish.registry.consents import Consent
from babblefish.registry.holdings import Purge
from babblefish.registry.registry import Registry
from babblefish.registry.store import Store
from babblefish.voices import account, selection
from babblefish.voices.account import Account, Progress
from babblefish.voices.quality import Said, quality, trimmed

PURGED_WITHIN_S = 5.0
"""How long a revocation waits for laptops to confirm it."""

# Another process, `babblefish voices revoke`, can ring no bell here.
_LOOK_EVERY_S = 1.0

T = TypeVar("T")


class Own:
    """See `OwnVoices`. Where the file fails, nobody said yes: nobody is cloned."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._store: Store = registry.store
        self._revoked = asyncio.Event()
        self.news = Bell()
        """Rung whenever a yes was taken back, or a laptop confirmed it."""

    @property
    def lasting(self) -> bool:
        """Whether a yes can be recorded here."""
        return self._store.lasting

    # ── what those who clone ask ─────────────────────────────────────────────────────────────

    async def cloned_from(self, voice: str) -> str | None:
        """See `OwnVoices`."""
        return await self._of(voice, lambda: self._store.samples.cloned_from(voice))

    async def reference(self, voice: str) -> Reference | None:
        """See `OwnVoices`."""
        return await self._of(voice, lambda: self._store.samples.reference(voice))

    async def consenting(self, voices: Collection[str]) -> frozenset[str]:
        """See `OwnVoices`."""
        consents = self._store.consents
        return await self._registry.ask(
            lambda: frozenset(voice for voice in voices if consents.of(voice)), frozenset()
        )

    async def sent(self, voice: str, laptop: str) -> None:
        """See `OwnVoices`."""
        await self._registry.ask(lambda: self._store.holdings.sent(voice, laptop), None)

    async def holds(self, laptop: str, voices: Collection[str]) -> None:
        """See `OwnVoices`."""
        await self._registry.ask(lambda: self._store.holdings.holds(laptop, voices), None)
        self.news.ring()

    async def purged(self, laptop: str, voices: Collection[str]) -> None:
        """See `OwnVoices`."""
        await self._registry.ask(lambda: self._store.holdings.purged(laptop, voices), None)
        self.news.ring()

    def revoked(self) -> asyncio.Event:
        """See `OwnVoices`."""
        return self._revoked

    # ── yes and no ───────────────────────────────────────────────────────────────────────────

    async def give(self, session: str, voices: Sequence[str], wording: str) -> Consent | None:
        """The yes of the first of these that the session knows; none where it knows none."""

        def given() -> Consent | None:
            known = {kept.voice.speaker.id: kept for kept in self._store.of(session)}
            kept = next((known[voice] for voice in voices if voice in known), None)
            if kept is None:
                return None
            self._forget_outlived()
            return self._store.consents.give(kept, wording, self._registry.consent_s)

        return await self._registry.ask(given, None)

    async def knows(self, session: str, voices: Collection[str]) -> bool:
        """Whether the session knows one of these."""
        known = await self._registry.voices(session)
        return any(voice.speaker.id in voices for voice in known)

    async def lost(self, voices: Collection[str]) -> list[str]:
        """Which of these surely say yes no more."""
        consents = self._store.consents
        return await self._registry.ask(
            lambda: [voice for voice in voices if consents.of(voice) is None], []
        )

    async def revoke(self, voices: Collection[str]) -> list[str]:
        """Which of these had said yes: of them nothing is left here; raises `KeptFileError`."""

        def revoked() -> list[str]:
            return [voice for voice in voices if self._store.revoke(voice)]

        gone = await self._registry.ask(revoked, None)
        if gone is None:
            raise KeptFileError("What is kept of the voice could not be deleted.", "Try again.")
        if gone:
            self._withdraw()
        return gone

    async def confirmed(self, voice: str, within_s: float = PURGED_WITHIN_S) -> Purge:
        """What laptops said of a voice that was revoked, after at most so long."""
        with self.news.listening() as bell, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while (await self._purge(voice)).waiting:
                    await bell.wait()
                    bell.clear()
        return await self._purge(voice)

    # ── what is collected ────────────────────────────────────────────────────────────────────

    async def consent(self, voice: str) -> Consent | None:
        """The yes of a voice."""
        return await self._of(voice, lambda: self._store.consents.of(voice))

    async def keep(self, said: Said) -> None:
        """One more sample of a voice; a worse one goes, and it may be what is cloned from."""
        samples = self._store.samples

        def kept() -> None:
            heard = trimmed(said.sound)
            samples.add(said.voice, heard, said.text, said.language, quality(said))
            for sample in selection.surplus(samples.of(said.voice)):
                samples.drop(sample)
            choice = selection.best(samples.of(said.voice))
            if choice and selection.improves(choice, samples.quality(said.voice)):
                joined = selection.joined([samples.sound(sample) for sample in choice.samples])
                samples.clone_from(said.voice, joined, choice.text, choice.language, choice.quality)

        await self._of(said.voice, kept)

    async def progress(self, voice: str) -> Progress | None:
        """How much was collected of a voice that consents."""
        return await self._registry.ask(lambda: account.progress(self._store, voice), None)

    async def accounts(self) -> list[Account]:
        """What is kept of everybody who said yes."""
        return await self._registry.ask(lambda: account.accounts(self._store), [])

    # ── what others do to the file ───────────────────────────────────────────────────────────

    async def watch(self) -> None:
        """Notices for ever what runs out, and what other processes take back."""
        seen = await self._registry.changes()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            outlived = await self._registry.ask(self._forget_outlived, 0)
            changes = await self._registry.changes()
            if outlived or changes != seen:
                self._withdraw()
            seen = changes

    def _forget_outlived(self) -> int:
        return sum(self._store.revoke(voice) for voice in self._store.consents.outlived())

    def _withdraw(self) -> None:
        self._revoked.set()
        self.news.ring()

    async def _purge(self, voice: str) -> Purge:
        return await self._registry.ask(lambda: self._store.holdings.of(voice), Purge([], []))

    async def _of(self, voice: str, work: Callable[[], T]) -> T | None:
        """What `work` returns, if that voice consents."""
        consents = self._store.consents
        return await self._registry.ask(lambda: work() if consents.of(voice) else None, None)
