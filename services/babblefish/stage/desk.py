"""What a stage has taken on: counted, bounded, and seen through before it goes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator

from babblefish import metrics
from babblefish.errors import StageBusy
from babblefish.stage import deadline
from babblefish.stage.wire import Failure
from babblefish.telemetry import log

_log = log(__name__)


class Desk:
    """Takes at most `capacity` requests at a time; none once it is `drained`."""

    def __init__(self, stage: str, capacity: int) -> None:
        self._stage = stage
        self._capacity = capacity
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.warm = False
        self.depth = 0

    @property
    def ready(self) -> bool:
        """Whether it takes anything."""
        return self.warm and not self._draining

    @contextlib.asynccontextmanager
    async def taking(self, method: str, seconds: float) -> AsyncIterator[None]:
        """Does one request; raises `StageBusy` if it is not taken, `TimeoutError` if it is late."""
        started, outcome = time.monotonic(), "ok"
        try:
            self._check()
            with self._counted():
                async with deadline.within(seconds):
                    yield
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        except Exception as error:
            outcome = Failure.of(error).kind
            raise
        finally:
            metrics.STAGE_REQUESTS.labels(self._stage, method, outcome).inc()
            took = time.monotonic() - started
            metrics.STAGE_SECONDS.labels(self._stage, method).observe(took)

    async def drain(self, seconds: float) -> None:
        """Takes nothing more, and waits for what it has."""
        self._draining = True
        _log.info("draining", depth=self.depth)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    def _check(self) -> None:
        if not self.ready:
            raise StageBusy("This replica is starting or going.", "Ask another.")
        if self.depth >= self._capacity:
            raise StageBusy(f"{self.depth} requests wait here.", "Say it again in a moment.")

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        self.depth += change
        metrics.STAGE_DEPTH.labels(self._stage).set(self.depth)
        if self.depth:
            self._idle.clear()
        else:
            self._idle.set()
