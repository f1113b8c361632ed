"""A synthesizer in other processes: the same interface, whichever replica does the work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from babblefish.audio import Audio
from babblefish.stage.replica import Replica, ReplicaLost
from babblefish.stage.replicas import Replicas
from babblefish.synthesizer import wire

_PATIENCE_S = 4.0
_START_S = 5.0
_MAX_PIECES = 16


class RemoteSynthesizer:
    """A `Synthesizer` behind `http://host:port`, or several with commas between."""

    def __init__(self, references: str) -> None:
        self.replicas = Replicas("synthesizer", references, _PATIENCE_S, wire.Abilities())

    @property
    def languages(self) -> frozenset[str]:
        """What the stage says; nothing before it was heard of."""
        return self.replicas.abilities.languages

    def engine(self, language: str) -> str:
        """What the stage says."""
        return self.replicas.abilities.engine(language)

    async def speak(
        self, text: str, language: str, voice: str | None = None, speaker: int = 0
    ) -> AsyncIterator[Audio]:
        """Piece by piece; if the replica dies, another goes on where it stopped."""
        asked = msgspec.msgpack.encode(wire.SpeakRequest(text, language, voice, speaker))
        pieces: asyncio.Queue[Audio] = asyncio.Queue(_MAX_PIECES)
        speaking = asyncio.create_task(self._speak(asked, pieces))
        try:
            async for piece in _until_done(pieces, speaking):
                yield piece
            await speaking
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

    async def start(self) -> None:
        """Waits for a replica, but not for long: text goes out without speech too."""
        self.replicas.watch()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await self.replicas.described()

    async def stop(self) -> None:
        """Lets go of the replicas; they go on."""
        await self.replicas.stop()

    async def _speak(self, asked: bytes, pieces: "asyncio.Queue[Audio]") -> None:
        spoken = 0

        async def on(replica: Replica) -> None:
            nonlocal spoken
            skipped = spoken
            try:
                async with replica.posted("/speak", asked) as answer:
                    async for piece in wire.unpack(answer.aiter_bytes()):
                        if skipped:
                            skipped -= 1
                            continue
                        await pieces.put(piece)
                        spoken += 1
            except ValueError as error:
                raise ReplicaLost from error

        await self.replicas.call(on)


async def _until_done(
    pieces: "asyncio.Queue[Audio]", speaking: "asyncio.Task[None]"
) -> AsyncIterator[Audio]:
    while True:
        getting = asyncio.create_task(pieces.get())
        try:
            await asyncio.wait({getting, speaking}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                return
            yield getting.result()
        finally:
            getting.cancel()
