"""A translator in other processes: the same interface, whichever replica does the work.

A stream stays on one replica. Its audio is kept here, so that another can take over at any
moment: a replica that dies costs no utterance.
"""

import asyncio
import contextlib
from collections.abc import Collection, Coroutine
from typing import Any

import msgspec
import numpy as np

from babblefish.audio import Samples
from babblefish.errors import StageError
from babblefish.stage.replica import Replica, ReplicaLost
from babblefish.stage.replicas import Replicas
from babblefish.stage.wire import deadline_ms
from babblefish.telemetry import log
from babblefish.translator import wire
from babblefish.translator.base import SpeechStream, Translation
from babblefish.translator.line import Line

_PATIENCE_S = 9.0
_SEND_S = 1.0
_TEXTS = msgspec.msgpack.Decoder(dict[str, str])

_log = log(__name__)


class RemoteTranslator:
    """A `Translator` behind `http://host:port`, or several with commas between."""

    def __init__(self, references: str) -> None:
        self.replicas = Replicas("translator", references, _PATIENCE_S, wire.Abilities())
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def speech_languages(self) -> frozenset[str]:
        """What the stage says; nothing before it was heard of."""
        return self.replicas.abilities.speech

    @property
    def text_languages(self) -> frozenset[str]:
        """What the stage says."""
        return self.replicas.abilities.text

    def reachable(self, source: str) -> frozenset[str]:
        """What the stage says."""
        return self.replicas.abilities.reach.get(source, frozenset())

    def prepare(self, languages: Collection[str]) -> None:
        """Tells every replica, and waits for none."""
        for replica in self.replicas.up:
            self._tell(self._prepare(replica, sorted(languages)))

    def open(self, source: str, speaker: str) -> SpeechStream:
        """A new utterance; the voices of one speaker tend to the same replica, which knows them."""
        return _RemoteStream(self.replicas, source, speaker)

    async def translate_text(
        self, text: str, source: str, targets: Collection[str]
    ) -> dict[str, str]:
        """By the least busy replica."""
        asked = msgspec.msgpack.encode(wire.TextRequest(text, source, sorted(targets)))
        answer = await self.replicas.call(lambda there: there.post("/translate", asked))
        return _TEXTS.decode(answer)

    async def start(self) -> None:
        """Waits until a replica is there: without its languages nobody can join."""
        self.replicas.watch()
        await self.replicas.described()

    async def stop(self) -> None:
        """Lets go of the replicas; they go on."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self.replicas.stop()

    async def _prepare(self, replica: Replica, languages: list[str]) -> None:
        with contextlib.suppress(ReplicaLost, StageError, TimeoutError):
            async with asyncio.timeout(_SEND_S):
                await replica.post("/prepare", msgspec.msgpack.encode(languages))

    def _tell(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


class _RemoteStream:
    """One utterance; see `SpeechStream`."""

    def __init__(self, replicas: Replicas[wire.Abilities], source: str, speaker: str) -> None:
        self._replicas = replicas
        self._source = source
        self._speaker = speaker
        self._heard: list[Samples] = []
        self._sent = 0
        self._line: Line | None = None
        self._opening = asyncio.Lock()

    async def feed(self, samples: Samples) -> None:
        """Sent at once if a replica is there; if not, or if it dies, `finish` sends it all."""
        self._heard.append(samples)
        replica = self._line.replica if self._line else self._replicas.least_busy(self._speaker)
        if replica is None:
            return
        try:
            await self._caught_up(replica)
        except ReplicaLost:
            self._replicas.lose(replica)
        except StageError:
            _log.info("stream_waits_for_its_end")

    async def partial(self) -> str:
        if self._line is None:
            return ""
        try:
            return (await self._line.ask(wire.Partial)).partial
        except ReplicaLost:
            return ""

    async def finish(self, targets: Collection[str]) -> Translation:
        async def finished(replica: Replica) -> Translation:
            line = await self._caught_up(replica)
            answer = await line.ask(wire.Finish, sorted(targets), deadline_ms())
            if answer.translation is None:
                raise ReplicaLost
            return answer.translation

        prefer = self._line.replica if self._line else None
        return await self._replicas.call(finished, self._speaker, prefer)

    async def close(self) -> None:
        if self._line:
            await self._line.close()

    async def _caught_up(self, replica: Replica) -> "Line":
        """The line to `replica`, which has heard everything; raises `ReplicaLost`."""
        async with self._opening:
            if self._line is None or self._line.replica is not replica or self._line.lost:
                await self.close()
                self._line, self._sent = None, 0
                self._line = await Line.open(replica, self._source, self._speaker)
            # What is written counts as sent before it is awaited: the caller may be cancelled.
            waiting, self._sent = self._heard[self._sent :], len(self._heard)
            if waiting:
                await self._line.send(wire.pack(np.concatenate(waiting)))
            return self._line
