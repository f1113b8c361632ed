"""The line to one phone: frames in, numbered messages out, and what bad manners cost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.websockets import WebSocket, WebSocketDisconnect

from babblefish import metrics, protocol
from babblefish.gateway.outbox import Outbox, Overflow
from babblefish.protocol import Refusal, down
from babblefish.protocol.down import Down
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
    """A line; whoever uses it is stopped by `Line.interrupt`. Closed at the end."""
    await socket.accept()
    line = Line(socket, settings)
    with contextlib.suppress(TimeoutError, HungUp):
        async with asyncio.timeout(None) as line.life:
            yield line
    await line.close()


class Line:
    """An accepted WebSocket."""

    life: asyncio.Timeout

    def __init__(self, socket: WebSocket, settings: Settings) -> None:
        self._socket = socket
        self.address = socket.client.host if socket.client else ""
        self._send_timeout_s = settings.send_timeout_s
        self._outbox: Outbox | None = None
        self._sending: asyncio.Task[None] | None = None
        self._strikes = 0
        self._closing = 1000, ""

    async def next(self) -> str | bytes:
        """The next frame; raises `HungUp`, or `Refusal` for one that is too large."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise HungUp
        metrics.FRAMES.inc()
        text = message.get("text")
        data: str | bytes = message["bytes"] if text is None else text
        if len(data) > MAX_FRAME:
            raise Refusal("too_big", f"A frame has at most {MAX_FRAME} bytes.")
        return data

    async def tell(self, message: Down, seq: int = 0) -> None:
        """One message for this phone: in its turn once it joined, before that at once."""
        if self._outbox:
            self._outbox.put(message)
        else:
            await self._send(down.numbered(down.encode(message), seq).decode())

    @contextlib.asynccontextmanager
    async def carrying(self, outbox: Outbox) -> AsyncIterator[None]:
        """Sends what the outbox holds; to its last message, if it is finished."""
        self._outbox = outbox
        self._sending = sending = asyncio.create_task(self._send_all(outbox))
        try:
            yield
        finally:
            if outbox.finished:
                await asyncio.wait([sending], timeout=_CLOSE_DEADLINE_S)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._outbox = None

    @contextlib.asynccontextmanager
    async def refusals_answered(self) -> AsyncIterator[None]:
        """A refusal is told to the phone and done with; one that closes goes on upwards."""
        try:
            yield
        except Refusal as refusal:
            if refusal.close:
                raise
            metrics.REFUSALS.labels(refusal.code).inc()
            self._strike(refusal)
            await self.tell(down.Error(refusal.code, refusal.message))

    async def hang_up(self, refusal: Refusal) -> None:
        """Says why; the line is closed after that."""
        metrics.REFUSALS.labels(refusal.code).inc()
        self._closing = refusal.close or protocol.CLOSE_POLICY, refusal.code
        await self.tell(down.Error(refusal.code, refusal.message))

    def interrupt(self, code: int, reason: str) -> None:
        """Stops whoever uses the line, and closes it; from now on it sends nothing more."""
        self._closing = code, reason
        if self._sending and self._sending is not asyncio.current_task():
            self._sending.cancel()
        self.life.reschedule(asyncio.get_running_loop().time())

    def dismiss(self, code: int, reason: str) -> None:
        """Stops whoever uses the line; what waits is still sent, then it is closed."""
        self._closing = code, reason
        self.life.reschedule(asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Closes; a phone that takes nothing is not waited for."""
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(_CLOSE_DEADLINE_S):
                await self._socket.close(*self._closing)

    def _strike(self, refusal: Refusal) -> None:
        """One bad message costs nothing; a phone that never learns is cut off."""
        self._strikes += 1
        if self._strikes >= _MAX_STRIKES:
            too_big = refusal.code == "too_big"
            code = protocol.CLOSE_TOO_BIG if too_big else protocol.CLOSE_POLICY
            raise Refusal(refusal.code, f"{refusal.message} And that too often.", code)

    async def _send_all(self, outbox: Outbox) -> None:
        try:
            while (text := await outbox.get()) is not None:
                await self._send(text)
        except (Overflow, TimeoutError):
            _log.info("slow_listener_dropped")
            self.interrupt(protocol.CLOSE_TRY_LATER, "too slow")
        except HungUp:
            return  # whoever waits for the next frame learns it too

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise HungUp from error
