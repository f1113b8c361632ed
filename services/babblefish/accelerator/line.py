"""One conversation with a gateway, from `hello` until the line ends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from importlib.metadata import version
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from babblefish.accelerator.laptop import Laptop
from babblefish.accelerator.work import Work
from babblefish.cloner.wire import (
    MAX_VOICES,
    PROTOCOL,
    Cancel,
    Hello,
    Leaving,
    Load,
    Purge,
    Purged,
    Ready,
    Request,
    Up,
    Welcome,
    decode_down,
    encode,
)
from babblefish.errors import BabbleFishError
from babblefish.telemetry import log

_GREET_S = 10.0
_SEND_S = 10.0
_LOAD_S = 5.0
_FINISH_S = 5.0
_SLOWEST_HEARTBEAT_S = 60

_log = log(__name__)


class Misunderstood(BabbleFishError):
    """Whoever answers does not speak this protocol."""


class Line:
    """A connection that is open."""

    def __init__(self, socket: ClientConnection, laptop: Laptop) -> None:
        self._socket = socket
        self._laptop = laptop
        self._work = Work(laptop.desk, laptop.mouth, laptop.held, self._say)
        self._purging = set[asyncio.Task[None]]()

    async def talk(self, ready: Callable[[], None]) -> None:
        """Until it ends, or the laptop has left; `ready` is called once it may be asked.

        Raises `Misunderstood`, `TimeoutError`, `ConnectionClosed`.
        """
        welcome = await self._greet()
        ready()
        heartbeat_s = min(max(1, welcome.heartbeat_s), _SLOWEST_HEARTBEAT_S)
        await self._until_one_ends(
            self._listen(), self._beat(heartbeat_s), self._report(), self._leave()
        )

    async def _greet(self) -> Welcome:
        """Whose yes was taken back while nobody listened is forgotten before it is `ready`."""
        laptop = self._laptop
        async with asyncio.timeout(_GREET_S):
            held = laptop.held.speakers
            await self._say(await _hello(laptop))
            welcome = await self._welcomed()
            await laptop.held.forget(held.difference(welcome.keep))
            await self._say(Ready())
        return welcome

    async def _welcomed(self) -> Welcome:
        try:
            welcome = decode_down(await self._socket.recv())
        except msgspec.DecodeError:
            welcome = None
        if not isinstance(welcome, Welcome) or welcome.protocol != PROTOCOL:
            raise Misunderstood(
                "The server is no gateway of this version.", "Bring both to the same version."
            )
        return welcome

    async def _until_one_ends(self, *ways: Coroutine[Any, Any, None]) -> None:
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for way in ended:
                way.result()
        finally:
            # What a purge began goes on in `Held`: only its answer is lost with the line.
            await _cancelled([*tasks, *self._purging])
            await self._work.abandon()

    async def _listen(self) -> None:
        async for raw in self._socket:
            try:
                self._hear(decode_down(raw))
            except msgspec.DecodeError:
                _log.warning("message_not_understood", bytes=len(raw))

    def _hear(self, message: Welcome | Request | Cancel | Purge) -> None:
        match message:
            case Request():
                self._work.take(message)
            case Cancel():
                self._work.cancel(message.request_id)
            case Purge():
                self._purge(message.speaker_ids)
            case Welcome():
                _log.warning("second_welcome")

    def _purge(self, speakers: list[str]) -> None:
        self._work.discard(speakers)
        purging = asyncio.create_task(self._confirm(speakers, self._laptop.held.forget(speakers)))
        self._purging.add(purging)
        purging.add_done_callback(self._purging.discard)

    async def _confirm(self, speakers: list[str], forgotten: Awaitable[object]) -> None:
        await forgotten
        with contextlib.suppress(WebSocketException, TimeoutError):  # the next `hello` tells it
            await self._say(Purged(speakers))

    async def _beat(self, every_s: float) -> None:
        """A server that is gone without a word answers no ping: raises `TimeoutError`."""
        while True:
            await asyncio.sleep(every_s)
            async with asyncio.timeout(every_s):
                await (await self._socket.ping())

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_LOAD_S)
            await self._say(Load(await self._laptop.memory()))

    async def _leave(self) -> None:
        """Once the laptop is told to stop: what it speaks it finishes, the rest it returns."""
        await self._laptop.leaving.wait()
        await self._say(Leaving())
        await self._work.hand_back()
        await self._laptop.desk.drain(_FINISH_S)

    async def _say(self, message: Up) -> None:
        async with asyncio.timeout(_SEND_S):
            await self._socket.send(encode(message))


async def _hello(laptop: Laptop) -> Hello:
    return Hello(
        laptop.name,
        laptop.cloner.device[:200],
        await laptop.memory(),
        laptop.cloner.capacity,
        dict(laptop.cloner.languages),
        # Who has no room here is none of those who may be kept: nothing is kept unnamed.
        sorted(laptop.held.speakers)[:MAX_VOICES],
        version("babblefish"),
    )


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
