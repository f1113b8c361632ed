"""What is said, once more in its speaker's own voice: after the stock voice, or not at all."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from babblefish import audio, metrics
from babblefish.cloner import matching
from babblefish.errors import StageError
from babblefish.gateway.bus import Bus, Cloned, CloneJob, Interpreted
from babblefish.gateway.interpreter import Identity
from babblefish.telemetry import log, milliseconds_since
from babblefish.voices.base import OwnVoices

# A bus may have to ask elsewhere, and the stock voice does not wait for that.
_OFFER_S = 0.02

_log = log(__name__)


class Cloning:
    """Has sentences cloned whose speakers said yes, in sessions that are `allowed` to."""

    def __init__(
        self, bus: Bus, voices: OwnVoices, allowed: Callable[[str], bool], deadline_s: float
    ) -> None:
        self.bus = bus
        self.voices = voices
        self.allowed = allowed
        self._deadline_s = deadline_s
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, identity: Identity, text: str, language: str) -> "Clone | None":
        """If a laptop takes it on, at once; `identity` is the speaker's."""
        job = self._job(identity, text, language)
        if job is None:
            return None
        try:
            async with asyncio.timeout(_OFFER_S):
                coming = await self.bus.offer(job)
        except TimeoutError:
            coming = None
        if coming is None:
            metrics.CLONES.labels("untaken").inc()
            return None
        return Clone(self, job, identity, coming)

    def own(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs it, until `close` at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """What is not there yet is not waited for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _job(self, identity: Identity, text: str, language: str) -> CloneJob | None:
        if identity.reference is None:
            return None
        speaker, deadline = identity.speaker, time.time() + self._deadline_s
        return CloneJob(
            uuid.uuid4().hex, speaker.id, speaker.name, identity.reference, language, text, deadline
        )


class Clone:
    """A sentence that a laptop took on; leaving the context before `follow` gives it up."""

    def __init__(
        self, cloning: Cloning, job: CloneJob, identity: Identity, coming: asyncio.Future[bytes]
    ) -> None:
        self._cloning = cloning
        self._job = job
        self._identity = identity
        self._coming = coming
        self._followed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._followed:
            self._coming.cancel()

    def follow(self, session: str, told: Interpreted, spoke_at: float) -> None:
        """Once listeners were told in the stock voice: they hear this one when it is there."""
        self._followed = True
        self._cloning.own(self._follow(session, told, spoke_at))

    async def _follow(self, session: str, told: Interpreted, spoke_at: float) -> None:
        try:
            outcome = await self._deliver(session, told, spoke_at)
        except TimeoutError:
            outcome = "late"
        except StageError:
            outcome = "failed"
        except matching.Implausible as problem:
            _log.warning("clone_refused", reason=problem.reason)
            outcome = "refused"
        finally:
            self._coming.cancel()
        metrics.CLONES.labels(outcome).inc()

    async def _deliver(self, session: str, told: Interpreted, spoke_at: float) -> str:
        """What became of it; raises where nothing did."""
        async with asyncio.timeout(self._job.deadline - time.time()):
            wav = await asyncio.to_thread(_like_stock, await self._coming, told.wav or b"")
            if not (self._cloning.allowed(session) and await self._still_theirs()):
                return "withdrawn"
        latency_ms = milliseconds_since(spoke_at)
        metrics.CLONE_LATENCY.observe(latency_ms / 1000)
        event = Cloned(
            utterance_id=told.utterance_id,
            client_id=told.client_id,
            speaker=self._identity.tell(),
            language=told.language,
            wav=wav,
            made_at=time.time(),
            latency_ms=latency_ms,
        )
        await self._cloning.bus.publish(session, event)
        return "cloned"

    async def _still_theirs(self) -> bool:
        """They said yes, have not taken it back, and it was not somebody else after all."""
        voice, identity = self._job.voice, self._identity
        if identity.speaker.id != voice or identity.reference is None:
            return False
        return voice in await self._cloning.voices.consenting([voice])


def _like_stock(clone: bytes, stock: bytes) -> bytes:
    """Encoded anew, whatever the laptop put into its file; raises `Implausible`."""
    heard = matching.matched(matching.decoded(clone), matching.decoded(stock))
    return audio.to_wav(heard, matching.MARK)
