"""The line to one replica of a translator, for as long as one utterance is spoken."""

import asyncio
import contextlib
import itertools
from typing import Any
from urllib.parse import quote

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from babblefish.errors import StageBusy, StageError
from babblefish.stage.replica import Replica, ReplicaLost
from babblefish.translator import wire

_OPEN_S = 1.0
_SEND_S = 1.0
_CLOSE_S = 0.2
_MAX_ANSWER = 1 << 20
_TRY_ELSEWHERE = 1013
_ANSWER = msgspec.json.Decoder(wire.Answer)


class Line:
    """An open `/listen` of one replica."""

    def __init__(self, replica: Replica, socket: ClientConnection) -> None:
        self.replica = replica
        self._socket = socket
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[wire.Answer]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, replica: Replica, source: str, speaker: str) -> "Line":
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
