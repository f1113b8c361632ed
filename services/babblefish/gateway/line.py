"""The line to one phone: frames in, numbered messages out, and what bad manners cost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

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


@contextlib.asynccontextmanager
async def accepted(socket: WebSocket, settings: Settings) -> "AsyncIterator[Line]":
    """A line, with a task that sends what its outbox holds.

    Whoever uses the line is interrupted as soon as the phone takes too long to read.
    """
    await socket.accept()
    line = Line(socket, settings)
    with contextlib.suppress(TimeoutError, HungUp):
        async with asyncio.timeout(None) as patience:
            sending = asyncio.create_task(line.send_all(patience))
            try:
                yield line
                await line.sent(sending)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    if patience.expired():
        _log.info("slow_listener_dropped")
        line.closing = protocol.CLOSE_TRY_LATER, "too slow"
    await line.close()


class Line:
    """An accepted WebSocket."""

    def __init__(self, socket: WebSocket, settings: Settings) -> None:
        self.outbox = Outbox(settings.outbox_bytes)
        self.closing = 1000, ""
        self._socket = socket
        self._send_timeout_s = settings.send_timeout_s
        self._strikes = 0

    async def next(self) -> str | bytes:
        """The next frame; raises `HungUp`, or `Refusal` for one that is too large."""
        message = await self._socket.receive()
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

    def hang_up(self, refusal: Refusal) -> None:
        """Says why; the line is closed after that."""
        self.outbox.put(protocol.Error(refusal.code, refusal.message))
        self.closing = refusal.close or protocol.CLOSE_POLICY, refusal.code

    def _strike(self, refusal: Refusal) -> None:
        """One bad message costs nothing; a phone that never learns is cut off."""
        self._strikes += 1
        if self._strikes >= _MAX_STRIKES:
            too_big = refusal.code == "too_big"
            code = protocol.CLOSE_TOO_BIG if too_big else protocol.CLOSE_POLICY
            raise Refusal(refusal.code, f"{refusal.message} And that too often.", code)

    # ── for `accepted` ───────────────────────────────────────────────────────────────────────

    async def send_all(self, patience: asyncio.Timeout) -> None:
        """Sends until the outbox is finished; ends `patience` if the phone does not take it."""
        try:
            while (text := await self.outbox.get()) is not None:
                async with asyncio.timeout(self._send_timeout_s):
                    await self._socket.send_text(text)
        except (Overflow, TimeoutError):
            patience.reschedule(asyncio.get_running_loop().time())
        except (WebSocketDisconnect, RuntimeError):
            return  # gone: whoever waits for the next frame learns it too

    async def sent(self, sending: asyncio.Task[None]) -> None:
        """Waits, not for long, until everything in the outbox is sent."""
        self.outbox.finish()
        await asyncio.wait([sending], timeout=_CLOSE_DEADLINE_S)

    async def close(self) -> None:
        """Closes with the code and reason of `closing`."""
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await self._socket.close(*self.closing)
