"""The line to one phone: frames in, numbered messages out, and what bad manners cost."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Self

from starlette.websockets import WebSocket, WebSocketDisconnect

from babblefish import protocol
from babblefish.gateway.outbox import Outbox, Overflow
from babblefish.protocol import Refusal
from babblefish.settings import Settings
from babblefish.telemetry import log

_log = log(__name__)

MAX_FRAME = 1 << 20
_MAX_STRIKES = 20
_CLOSE_DEADLINE_S = 2.0


class HungUp(Exception):
    """The phone is gone."""


class Line:
    """An accepted WebSocket with a task that sends what the outbox holds."""

    def __init__(self, socket: WebSocket, settings: Settings) -> None:
        self.outbox = Outbox(settings.outbox_bytes)
        self._socket = socket
        self._send_timeout_s = settings.send_timeout_s
        self._strikes = 0

    async def __aenter__(self) -> Self:
        await self._socket.accept()
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    async def next(self) -> str | bytes:
        """The next frame; raises `HungUp`, or `Refusal` for one that is too large."""
        try:
            message = await self._socket.receive()
        except RuntimeError as error:  # the sender closed it
            raise HungUp from error
        if message["type"] == "websocket.disconnect":
            raise HungUp
        text = message.get("text")
        data: str | bytes = message["bytes"] if text is None else text
        if len(data) > MAX_FRAME:
            raise Refusal("too_big", f"A frame has at most {MAX_FRAME} bytes.")
        return data

    @contextlib.contextmanager
    def refusals_answered(self) -> Iterator[None]:
        """A refusal is told to the phone and done with; one that closes goes on upwards."""
        try:
            yield
        except Refusal as refusal:
            if refusal.close:
                raise
            self._strike(refusal)
            self.outbox.put(protocol.Error(refusal.code, refusal.message))

    async def hang_up(self, code: int = 1000, reason: str = "") -> None:
        """Closes, after everything that waits has been sent."""
        self.outbox.finish()
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await self._sending
                await self._socket.close(code, reason)

    def _strike(self, refusal: Refusal) -> None:
        """One bad message costs nothing; a phone that never learns is cut off."""
        self._strikes += 1
        if self._strikes >= _MAX_STRIKES:
            too_big = refusal.code == "too_big"
            code = protocol.CLOSE_TOO_BIG if too_big else protocol.CLOSE_POLICY
            raise Refusal(refusal.code, f"{refusal.message} And that too often.", code)

    async def _send(self) -> None:
        try:
            while (text := await self.outbox.get()) is not None:
                async with asyncio.timeout(self._send_timeout_s):
                    await self._socket.send_text(text)
        except (Overflow, TimeoutError):
            _log.info("slow_listener_dropped")
            with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(_CLOSE_DEADLINE_S):
                    await self._socket.close(protocol.CLOSE_TRY_LATER, "too slow")
        except (WebSocketDisconnect, RuntimeError):
            return  # gone: whoever waits for the next frame learns it too
