"""A speaker encoder in other processes: the same interface, whichever replica does the work."""

import asyncio
import contextlib

from babblefish.audio import Samples
from babblefish.speaker import wire
from babblefish.speaker.base import NoVoice, Voiceprint
from babblefish.speaker.speech import useful
from babblefish.stage.replica import Replica, ReplicaLost
from babblefish.stage.replicas import Replicas

_PATIENCE_S = 1.0
"""Little: an utterance is told without its voice's name rather than late."""

_START_S = 5.0


class RemoteSpeakerEncoder:
    """A `SpeakerEncoder` behind `http://host:port`, or several with commas between."""

    def __init__(self, references: str, threshold: float | None) -> None:
        self.replicas = Replicas("speaker", references, _PATIENCE_S, wire.Abilities())
        self._threshold = threshold

    @property
    def model(self) -> str:
        """What the stage says; empty before it was heard of."""
        return self.replicas.abilities.model

    @property
    def threshold(self) -> float:
        """Ours if it was set, else what the stage says."""
        return self.replicas.abilities.threshold if self._threshold is None else self._threshold

    async def embed(self, speech: Samples) -> Voiceprint:
        """By the least busy replica."""
        asked = wire.pack(useful(speech))
        voiceprint = await self.replicas.call(lambda there: _embedded(there, asked))
        if not len(voiceprint):
            raise NoVoice("Nobody speaks in that.", "Say it again.")
        return voiceprint

    async def start(self) -> None:
        """Waits for a replica, but not for long: people talk without being known by voice, too."""
        self.replicas.watch()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await self.replicas.described()

    async def stop(self) -> None:
        """Lets go of the replicas; they go on."""
        await self.replicas.stop()


async def _embedded(replica: Replica, asked: bytes) -> Voiceprint:
    try:
        return wire.unpack(await replica.post("/embed", asked))
    except ValueError as error:
        raise ReplicaLost from error
