"""A gateway as a laptop sees it: a real WebSocket server that says what the test tells it to."""

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request as Call
from websockets.http11 import Response

from babblefish import audio
from babblefish.audio import Audio
from babblefish.cloner.wire import (
    MAX_FRAME,
    Down,
    Failure,
    Hello,
    Ready,
    ReferenceSent,
    Request,
    Up,
    Welcome,
    decode_up,
    encode,
)
from tests.support.laptop import TOKEN

Said = TypeVar("Said", bound=Up)

SOON_S = 20.0
_ids = itertools.count()


class Line:
    """The gateway's end of one laptop's line."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket

    async def say(self, message: Down | str) -> None:
        await self.socket.send(message if isinstance(message, str) else encode(message))

    async def next(self) -> Up:
        async with asyncio.timeout(SOON_S):
            return decode_up(await self.socket.recv())

    async def hear(self, kind: type[Said]) -> Said:
        """The next message of that kind; others before it are of no interest."""
        while not isinstance(message := await self.next(), kind):
            pass
        return message

    async def understood(self) -> None:
        """The laptop has dealt with all that was said so far."""
        await self.say(request("nobody"))
        await self.hear(Failure)

    async def welcome(self, keep: Sequence[str] = (), heartbeat_s: int = 20) -> Hello:
        """What it introduces itself as; it is ready afterwards."""
        hello = await self.hear(Hello)
        await self.say(Welcome(list(keep), heartbeat_s))
        await self.hear(Ready)
        return hello

    async def closed(self) -> None:
        async with asyncio.timeout(SOON_S):
            await self.socket.wait_closed()

    def drop(self) -> None:
        """Without a word, as a network does."""
        self.socket.transport.abort()


@dataclass
class Gateway:
    """Where it listens, and the lines that laptops opened."""

    port: int = 0
    scheme: str = "ws"
    host: str = "127.0.0.1"
    authority: bytes = b""
    """The certificate (DER) that `/ca.crt` answers with."""
    refusing: HTTPStatus | None = None
    calls: list[Call] = field(default_factory=list)
    lines: "asyncio.Queue[Line]" = field(default_factory=asyncio.Queue)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/ws/tts-accelerator"

    async def line(self) -> Line:
        """The next one."""
        async with asyncio.timeout(SOON_S):
            return await self.lines.get()

    async def welcomed(self, keep: Sequence[str] = (), heartbeat_s: int = 20) -> Line:
        """The next one, of a laptop that is ready."""
        line = await self.line()
        await line.welcome(keep, heartbeat_s)
        return line

    def judge(self, socket: ServerConnection, call: Call) -> Response | None:
        if call.path == "/ca.crt":
            return Response(HTTPStatus.OK, "OK", Headers(), self.authority)
        self.calls.append(call)
        if self.refusing:
            answer = socket.respond(self.refusing, "")
            answer.headers["Location"] = f"ws://{self.host}:{self.port}/elsewhere"
            return answer
        if call.headers.get("Authorization") != f"Bearer {TOKEN}":
            return socket.respond(HTTPStatus.UNAUTHORIZED, "")
        return None

    async def answer(self, socket: ServerConnection) -> None:
        self.lines.put_nowait(Line(socket))
        await socket.wait_closed()


@contextlib.asynccontextmanager
async def gateway(port: int = 0, context: ssl.SSLContext | None = None) -> AsyncIterator[Gateway]:
    """One that listens until the end of the block."""
    there = Gateway(scheme="wss" if context else "ws")
    async with serve(
        there.answer,
        "0.0.0.0" if context else "127.0.0.1",
        port,
        process_request=there.judge,
        max_size=MAX_FRAME,
        compression=None,
        ssl=context,
    ) as server:
        there.port = next(iter(server.sockets)).getsockname()[1]
        yield there


def reference(name: str = "r1", seconds: float = 1.0, adapter: bytes = b"") -> ReferenceSent:
    """Of a voice that says nothing in particular."""
    wav = audio.to_wav(Audio(np.full(round(seconds * 24_000), 0.1, np.float32), 24_000))
    return ReferenceSent(name, wav, "What was said.", "en", adapter)


def request(
    speaker: str = "pierre",
    text: str = "Good morning.",
    sent: ReferenceSent | None = None,
    reference_id: str = "r1",
    deadline_ms: int = 5000,
    language: str = "en",
    request_id: str = "",
) -> Request:
    """A sentence in that voice, with the reference if one is `sent`."""
    return Request(
        request_id=request_id or f"q{next(_ids)}",
        text=text,
        language=language,
        speaker_id=speaker,
        speaker_name="Pierre",
        deadline_ms=deadline_ms,
        reference_id=sent.id if sent else reference_id,
        reference=sent,
    )
