"""A phone that comes back by itself when its line drops, as the page does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Self

import websockets
from websockets.asyncio.client import ClientConnection

Message = dict[str, Any]


class ResumingPhone:
    """Keeps the audio that is not settled, and the number of the last message it got."""

    def __init__(self, url: str, session: str, name: str, language: str) -> None:
        self.language = language
        self.results: list[Message] = []
        self._url = url
        self._join = {"type": "join", "session": session, "name": name, "language": language}
        self._token: str | None = None
        self._last_seq = 0
        self._kept = bytearray()
        self._settled = 0
        self._socket: ClientConnection | None = None
        self._away_s = 0.0
        self._talking: asyncio.Task[None] | None = None
        self._ghosts: list[ClientConnection] = []
        self._up = asyncio.Event()

    @classmethod
    @contextlib.asynccontextmanager
    async def joined(cls, *join: str) -> AsyncIterator[Self]:
        """A phone in its session, until the context is left."""
        phone = cls(*join)
        task = asyncio.create_task(phone._live())
        try:
            await asyncio.wait_for(phone._up.wait(), 10)
            yield phone
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for ghost in phone._ghosts:
                ghost.transport.abort()

    async def send_audio(self, pcm: bytes) -> None:
        """Says it now, or when the line is back."""
        self._kept += pcm
        if self._up.is_set() and self._socket:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._socket.send(pcm)

    def drop(self, away_s: float) -> None:
        """The line is cut, and not to be had again for so long."""
        self._away_s = away_s
        self._up.clear()
        if self._socket:
            self._socket.transport.abort()

    def vanish(self, away_s: float) -> None:
        """As when a phone leaves the network: its line stays open, and nobody is at this end."""
        self._away_s = away_s
        self._up.clear()
        if self._socket and self._talking:
            self._ghosts.append(self._socket)
            self._socket.transport.pause_reading()
            self._talking.cancel()

    async def _live(self) -> None:
        while True:
            with contextlib.suppress(OSError, websockets.InvalidHandshake):
                self._socket = await websockets.connect(self._url, max_size=None)
                await self._hold(self._socket)
            self._up.clear()
            await asyncio.sleep(self._away_s)

    async def _hold(self, socket: ClientConnection) -> None:
        """Talks until the line is gone, or left."""
        self._talking = asyncio.create_task(self._talk(socket))
        try:
            await asyncio.wait({self._talking})
        finally:
            self._talking.cancel()
            await asyncio.gather(self._talking, return_exceptions=True)
            if socket not in self._ghosts:
                socket.transport.abort()

    async def _talk(self, socket: ClientConnection) -> None:
        resume = {"resume": self._token, "last_seq": self._last_seq} if self._token else {}
        await socket.send(json.dumps({**self._join, **resume}))
        async for raw in socket:
            await self._take(socket, json.loads(raw))

    async def _take(self, socket: ClientConnection, message: Message) -> None:
        match message["type"]:
            case "joined":
                await self._welcomed(socket, message)
            case "received":
                self._settle(message["bytes"])
            case "result":
                self.results.append(message)
        self._last_seq = max(self._last_seq, message["seq"])

    async def _welcomed(self, socket: ClientConnection, message: Message) -> None:
        self._token = message["resume_token"]
        # No await between looking at what is kept and being up again: nothing is sent twice.
        rest = bytes(self._kept[message["received"] - self._settled :])
        self._up.set()
        if rest:
            await socket.send(rest)

    def _settle(self, received: int) -> None:
        del self._kept[: max(0, received - self._settled)]
        self._settled = max(self._settled, received)
