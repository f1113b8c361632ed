"""A translator in other processes: the same interface, whichever replica does the work.

A stream stays on one replica. Its audio is kept here, so that another can take over at any
moment: a replica that dies costs no utterance.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Collection, Coroutine
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from babblefish.audio import Samples
from babblefish.errors import StageBusy, StageError
from babblefish.stage.replica import Replica, ReplicaLost
from babblefish.stage.replicas import Replicas
from babblefish.stage.wire import deadline_ms
from babblefish.telemetry import log
from babblefish.translator import wire
from babblefish.translator.base import SpeechStream, Translation

_PATIENCE_S = 9.0
_OPEN_S = 1.0
_SEND_S = 1.0
_CLOSE_S = 0.2
_MAX_ANSWER = 1 << 20
_TRY_ELSEWHERE = 1013
_TEXTS = msgspec.msgpack.Decoder(dict[str, str])
_ANSWER = msgspec.json.Decoder(wire.Answer)
_ABILITIES = msgspec.json.Decoder(wire.Abilities)

_log = log(__name__)


class RemoteTranslator:
    """A `Translator` behind `http://host:port`, or several with commas between."""

    def __init__(self, references: str) -> None:
        self.replicas = Replicas("translator", references, _PATIENCE_S)
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def speech_languages(self) -> frozenset[str]:
        """What the stage says; nothing before it was heard of."""
        return self._abilities.speech

    @property
    def text_languages(self) -> frozenset[str]:
        """What the stage says."""
        return self._abilities.text

    def reachable(self, source: str) -> frozenset[str]:
        """What the stage says."""
        return self._abilities.reach.get(source, frozenset())

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

    @property
    def _abilities(self) -> wire.Abilities:
        return self.replicas.abilities(_ABILITIES) or wire.Abilities()

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

    def __init__(self, replicas: Replicas, source: str, speaker: str) -> None:
        self._replicas = replicas
        self._source = source
        self._speaker = speaker
        self._heard: list[Samples] = []
        self._sent = 0
        self._line: _Line | None = None
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

    async def _caught_up(self, replica: Replica) -> "_Line":
        """The line to `replica`, which has heard everything; raises `ReplicaLost`."""
        async with self._opening:
            if self._line is None or self._line.replica is not replica or self._line.lost:
                await self.close()
                self._line, self._sent = None, 0
                self._line = await _Line.open(replica, self._source, self._speaker)
            # What is written counts as sent before it is awaited: the caller may be cancelled.
            waiting, self._sent = self._heard[self._sent :], len(self._heard)
            if waiting:
                await self._line.send(wire.pack(np.concatenate(waiting)))
            return self._line


class _Line:
    """An open `/listen` of one replica."""

    def __init__(self, replica: Replica, socket: ClientConnection) -> None:
        self.replica = replica
        self._socket = socket
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[wire.Answer]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, replica: Replica, source: str, speaker: str) -> "_Line":
        """Raises `ReplicaLost`."""
        query = f"source={quote(source, safe='')}&speaker={quote(speaker, safe='')}"
        try:
            socket = await connect(
                f"ws://{replica.address}/listen?{query}",
                open_timeout=_OPEN_S,
                close_timeout=_CLOSE_S,
                ping_interval=None,  # probes find dead replicas sooner
                compression=None,
                max_size=_MAX_ANSWER,
                proxy=None,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            raise ReplicaLost from error
        return cls(replica, socket)

    @property
    def lost(self) -> bool:
        """Whether it is of no use any more."""
        return self._reading.done()

    async def send(self, speech: bytes) -> None:
        """Raises `ReplicaLost`."""
        try:
            async with asyncio.timeout(_SEND_S):
                await self._socket.send(speech)
        except ConnectionClosed as error:
            raise self._why() from error
        except TimeoutError as error:
            raise ReplicaLost from error

    async def ask(self, kind: type[wire.Partial] | type[wire.Finish], *what: Any) -> wire.Answer:  # noqa: ANN401 the fields of `kind`
        """The answer; raises `ReplicaLost`, and what the stage raised."""
        number = next(self._ids)
        future: asyncio.Future[wire.Answer] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            await self._write(kind(number, *what))
            answer = await future
        except asyncio.CancelledError:
            with contextlib.suppress(ReplicaLost, StageError):
                await self._write(wire.Cancel(number))
            raise
        finally:
            del self._asked[number]
        self.replica.report(answer.depth)
        if answer.failure:
            raise answer.failure.error()
        return answer

    async def close(self) -> None:
        """Hangs up."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._socket.close()

    async def _write(self, request: wire.Request) -> None:
        try:
            await self._socket.send(msgspec.json.encode(request).decode())
        except ConnectionClosed as error:
            raise self._why() from error

    async def _read(self) -> None:
        try:
            with self.replica.held(self._socket.transport.abort):
                async for text in self._socket:
                    answer = _ANSWER.decode(text)
                    if future := self._asked.get(answer.id):
                        future.set_result(answer)
        except (ConnectionClosed, msgspec.DecodeError):
            pass
        finally:
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(self._why())

    def _why(self) -> Exception:
        """It is full, or going; or it is dead."""
        if self._socket.close_code == _TRY_ELSEWHERE:
            return StageBusy("Too many people talk at once.", "Say it again in a moment.")
        return ReplicaLost()
