"""A phone without a screen: joins over a real WebSocket, speaks, and notes what it is told."""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from babblefish.audio import SAMPLE_RATE, Samples, to_pcm16

Message = dict[str, Any]
FRAME_S = 0.02


class Phone:
    """An open socket; `told` is every message so far."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: list[Message] = []
        self.arrivals: list[float] = []
        self._taken = 0
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def send(self, **message: object) -> None:
        """One text message."""
        await self.socket.send(json.dumps(message))

    async def next(self, deadline_s: float = 15) -> Message:
        """The next message, whatever it is."""
        async with asyncio.timeout(deadline_s), self._news:
            await self._news.wait_for(lambda: self._taken < len(self.told))
            self._taken += 1
            return self.told[self._taken - 1]

    async def receive(self, kind: str, deadline_s: float = 15, **fields: object) -> Message:
        """The next message of this type with these fields; those before it are skipped."""
        async with asyncio.timeout(deadline_s):
            while True:
                message = await self.next(deadline_s)
                if message["type"] == kind and fields.items() <= message.items():
                    return message

    async def closed(self, deadline_s: float = 10) -> tuple[int, str]:
        """The code and the reason of the close."""
        async with asyncio.timeout(deadline_s):
            await self._reader
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def stream(self, samples: Samples) -> float:
        """Speaks as a phone does: 20 ms frames in real time; returns when the last was sent."""
        pcm, size = to_pcm16(samples), round(2 * SAMPLE_RATE * FRAME_S)
        began = time.monotonic()
        for number, at in enumerate(range(0, len(pcm), size)):
            await asyncio.sleep(max(0, began + number * FRAME_S - time.monotonic()))
            await self.socket.send(pcm[at : at + size])
        return time.monotonic()

    async def burst(self, samples: Samples, packet: int) -> None:
        """Sends everything at once, in packets of so many bytes."""
        pcm = to_pcm16(samples)
        for at in range(0, len(pcm), packet):
            await self.socket.send(pcm[at : at + packet])

    def all(self, kind: str) -> list[Message]:
        """Every message of this type so far."""
        return [message for message in self.told if message["type"] == kind]

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for raw in self.socket:
                async with self._news:
                    self.told.append(json.loads(raw))
                    self.arrivals.append(time.monotonic())
                    self._news.notify_all()


@contextlib.asynccontextmanager
async def connected(url: str, at: str = "", **headers: str) -> AsyncIterator[Phone]:
    """A socket that has not joined yet; `at` is the address to call instead of the URL's host."""
    context = _any_certificate() if url.startswith("wss:") else None
    calling: dict[str, Any] = {"host": at, "port": 443} if at else {}
    async with websockets.connect(
        url, max_size=None, additional_headers=headers, ssl=context, **calling
    ) as socket:
        phone = Phone(socket)
        yield phone
    await asyncio.wait_for(phone._reader, 10)


def _any_certificate() -> ssl.SSLContext:
    """Those of gateways under test are nobody's."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextlib.asynccontextmanager
async def joined(
    url: str, session: str, name: str, language: str, at: str = "", **more: object
) -> AsyncIterator[Phone]:
    """A phone in a session; `more` goes into its `join`."""
    async with connected(url, at) as phone:
        await phone.send(type="join", session=session, name=name, language=language, **more)
        await phone.receive("joined")
        yield phone
