"""Clean speech of consenting voices, collected beside everything else: nobody waits for it."""

import asyncio
from collections.abc import Awaitable, Callable

from babblefish import metrics
from babblefish.audio import Samples
from babblefish.errors import BabbleFishError
from babblefish.registry.consents import Consent
from babblefish.speaker.base import SpeakerEncoder
from babblefish.stage import deadline
from babblefish.voices.own import Own
from babblefish.voices.quality import Said, flaw

_WAITING = 16


class Collector:
    """Takes utterances, and keeps those that are clean; `collect` is its task.

    `kept` is told whose voice there is more of.
    """

    def __init__(
        self,
        own: Own,
        encoder: SpeakerEncoder,
        deadline_s: float,
        kept: Callable[[str], Awaitable[None]],
    ) -> None:
        self._own = own
        self._encoder = encoder
        self._deadline_s = deadline_s
        self._kept = kept
        self._said: asyncio.Queue[Said] = asyncio.Queue(_WAITING)

    def offer(self, said: Said) -> None:
        """An utterance of somebody who consents; one too many is dropped."""
        try:
            self._said.put_nowait(said)
        except asyncio.QueueFull:
            metrics.SAMPLES.labels("busy").inc()

    async def collect(self) -> None:
        """Keeps what is clean, for ever."""
        while True:
            await self._next()

    async def _next(self) -> None:
        """Nothing of an utterance outlives this call but what was kept."""
        said = await self._said.get()
        outcome = await self._flaw(said)
        if outcome is None:
            await self._own.keep(said)
            await self._kept(said.voice)
        metrics.SAMPLES.labels(outcome or "kept").inc()

    async def _flaw(self, said: Said) -> str | None:
        consent = await self._own.consent(said.voice)
        if consent is None:
            return "revoked"
        if found := await asyncio.to_thread(flaw, said):
            return found
        return None if await self._one_speaker(said.sound.samples, consent) else "voices"

    async def _one_speaker(self, samples: Samples, consent: Consent) -> bool:
        """Whether its beginning and its end are both in that voice."""
        middle = len(samples) // 2
        try:
            async with deadline.within(self._deadline_s):
                begins = await self._is_theirs(samples[:middle], consent)
                return begins and await self._is_theirs(samples[middle:], consent)
        except (BabbleFishError, TimeoutError):
            return False

    async def _is_theirs(self, half: Samples, consent: Consent) -> bool:
        voice, encoder = consent.voice, self._encoder
        voiceprint = await encoder.embed(half)
        alike = encoder.model == voice.model and voiceprint.shape == voice.centroid.shape
        return alike and float(voiceprint @ voice.centroid) >= encoder.threshold
