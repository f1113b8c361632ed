"""The line to one gateway: counts come up it, what sessions there are goes down.

Both are levels: the whole is said again at every connection, and nothing needs an answer.
"""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp

from babblefish.telemetry import log
from babblefish_operator.figures import Figures, NotUnderstood, understood

STALE_S = 5.0
_CONNECT_S = 2.0
_BACKOFFS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 2.0)
_LARGEST = 4 << 20

_log = log(__name__)


class Line:
    """Dials until it is closed; `heard` is called when figures changed or fell silent."""

    def __init__(self, url: str, token: str, level: "Level", heard: Callable[[], None]) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._level = level
        self._heard = heard
        self._figures = Figures()
        self._at = -STALE_S
        self._trouble = ""
        self._task = asyncio.create_task(self._keep(), name=f"line to {url}")

    @property
    def figures(self) -> Figures | None:
        """What the gateway said last; None once that is too old."""
        return self._figures if time.monotonic() - self._at < STALE_S else None

    def close(self) -> None:
        """Hangs up, and waits for nobody."""
        self._task.cancel()

    async def _keep(self) -> None:
        backoffs = _backoffs()
        async with aiohttp.ClientSession() as session:
            while True:
                heard_at = self._at
                try:
                    await self._talk(session)
                except (aiohttp.ClientError, OSError, NotUnderstood) as error:
                    self._complain(error)
                if self._at != heard_at:
                    backoffs = _backoffs()
                await asyncio.sleep(next(backoffs))

    async def _talk(self, session: aiohttp.ClientSession) -> None:
        """One connection, until it ends or falls silent."""
        async with asyncio.timeout(_CONNECT_S):
            socket = await session.ws_connect(
                self._url, headers=self._headers, max_msg_size=_LARGEST
            )
        ways = [asyncio.create_task(way(socket)) for way in (self._tell, self._listen)]
        try:
            ended, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ended:
                way.result()
        finally:
            await _stopped(ways)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await socket.close()

    async def _tell(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for level in self._level.each():
            async with asyncio.timeout(STALE_S):
                await socket.send_str(level)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            message = await socket.receive(timeout=STALE_S)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            self._take(understood(message.data))

    def _take(self, figures: Figures) -> None:
        changed = self.figures != figures
        self._figures, self._at, self._trouble = figures, time.monotonic(), ""
        if changed:
            self._heard()

    def _complain(self, error: Exception) -> None:
        """Once, not at every attempt."""
        trouble = repr(error)
        if trouble != self._trouble:
            _log.warning("gateway_unreachable", url=self._url, why=trouble)
        self._trouble = trouble


class Level:
    """A text that replaces the one before; who listens gets the newest, and may miss others."""

    def __init__(self) -> None:
        self._text: str | None = None
        self._changed = asyncio.Condition()

    async def set(self, text: str) -> None:
        """From now on it is this."""
        async with self._changed:
            self._text = text
            self._changed.notify_all()

    async def each(self) -> AsyncIterator[str]:
        """What it is, and what it becomes."""
        told: str | None = None
        while True:
            told = await self._other_than(told)
            yield told

    async def _other_than(self, told: str | None) -> str:
        async with self._changed:
            while self._text is None or self._text == told:
                await self._changed.wait()
            return self._text


async def _stopped(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _backoffs() -> Iterator[float]:
    """Seconds, jittered: a gateway that comes back is not called by all its callers at once."""
    longest = itertools.repeat(_BACKOFFS_S[-1])
    for seconds in itertools.chain(_BACKOFFS_S, longest):
        yield seconds * random.uniform(0.5, 1)  # noqa: S311 no secret
