"""The line to one laptop: messages both ways, and what bad manners cost."""

import asyncio
import contextlib
from typing import NoReturn

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from babblefish import metrics
from babblefish.cloner import wire
from babblefish.errors import StageDown
from babblefish.gateway.quota import Buckets
from babblefish.protocol import CLOSE_POLICY

# Base64 of a minute of speech at 24 kHz.
_MAX_FRAME = 4 << 20
_MESSAGES_A_MINUTE = 3000
_BYTES_A_MINUTE = 1 << 29
_MAX_STRIKES = 20
_CLOSE_S = 2.0


class LineLost(StageDown):
    """The laptop is gone, or was hung up on."""

    def __init__(self) -> None:
        super().__init__("The laptop is gone.", "Another may take its work.")


class LaptopLine:
    """An accepted WebSocket."""

    def __init__(self, socket: WebSocket, send_timeout_s: float) -> None:
        self._socket = socket
        self._send_timeout_s = send_timeout_s
        self._messages = Buckets(_MESSAGES_A_MINUTE)
        self._bytes = Buckets(_BYTES_A_MINUTE)
        self._strikes = 0
        self._code = 1000

    async def next(self) -> wire.Up:
        """The next message that is one; raises `LineLost`."""
        while True:
            frame = await self._frame()
            try:
                return wire.decode_up(frame)
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                self.strike("message")

    async def tell(self, frame: str) -> None:
        """Raises `LineLost`, too where nothing is taken for long."""
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send_text(frame)
        except (WebSocketDisconnect, RuntimeError, TimeoutError):
            raise LineLost from None

    def strike(self, reason: str) -> None:
        """One fault costs nothing; a laptop that never learns is cut off: raises `LineLost`."""
        metrics.LAPTOP_ERRORS.labels(reason).inc()
        self._strikes += 1
        if self._strikes >= _MAX_STRIKES:
            self.hang_up(CLOSE_POLICY)

    def hang_up(self, code: int) -> NoReturn:
        """Raises `LineLost`; `close` will tell the code."""
        self._code = code
        raise LineLost

    async def close(self) -> None:
        """A laptop that takes nothing is not waited for."""
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close(self._code)

    async def _frame(self) -> str:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise LineLost
            frame = message.get("text")
            self._charge(len(frame or message.get("bytes") or b""))
            if isinstance(frame, str) and len(frame) <= _MAX_FRAME:
                return frame
            self.strike("frame")

    def _charge(self, size: int) -> None:
        for bucket, amount in ((self._messages, 1), (self._bytes, size)):
            if not bucket.holds("", amount):
                metrics.LAPTOP_ERRORS.labels("rate").inc()
                self.hang_up(CLOSE_POLICY)
            bucket.take("", amount)
