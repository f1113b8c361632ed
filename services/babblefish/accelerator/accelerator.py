"""The accelerator: a stage that nobody calls, as it dials itself, for as long as it lives."""

import asyncio
import contextlib
import time

from babblefish import metrics
from babblefish.accelerator import dialling
from babblefish.accelerator.backoff import Backoff
from babblefish.accelerator.laptop import Laptop
from babblefish.accelerator.line import Line
from babblefish.accelerator.server import Server
from babblefish.cloner.base import Cloner
from babblefish.settings import Settings
from babblefish.stage.service import Service
from babblefish.telemetry import log

_LOOK_S = 30.0
_SETTLED_S = 5.0
_LEAVE_S = 10.0

_log = log(__name__)


class Accelerator(Service):
    """Warms its engine up, then serves the gateway at `server`, again and again."""

    def __init__(self, cloner: Cloner, server: Server, settings: Settings) -> None:
        super().__init__("cloner", cloner, lambda: dict(cloner.languages), settings)
        self._server = server
        self._laptop = Laptop(cloner, self.desk, settings.accelerator_name)
        self._backoff = Backoff()
        self._trouble = ""
        self._hung_up = asyncio.Event()
        self._hung_up.set()
        self.connected = asyncio.Event()
        metrics.ACCELERATOR_CONNECTED.set(0)

    @property
    def ready(self) -> bool:
        """Whether a gateway may ask it something."""
        return super().ready and self.connected.is_set()

    async def leave(self) -> None:
        """Says so to the gateway, finishes what it speaks, returns the rest, and hangs up."""
        self._laptop.leaving.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_S):
                await self._hung_up.wait()

    async def _warm_up(self) -> None:
        """Once it is warm, it dials for as long as it runs."""
        await super()._warm_up()
        expiring = asyncio.create_task(self._expire())
        try:
            await self._dial()
        finally:
            expiring.cancel()
            await asyncio.gather(expiring, return_exceptions=True)

    async def _dial(self) -> None:
        leaving = self._laptop.leaving
        while not leaving.is_set():
            wait_s = await self._call()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await leaving.wait()

    async def _call(self) -> float:
        """One connection, until it ends; how long to wait for the next."""
        began = time.monotonic()
        try:
            async with await dialling.called(self._server) as socket:
                await self._talk(Line(socket, self._laptop))
        except dialling.FAILURES as error:
            problem = dialling.problem(error)
            self._complain(problem)
            if problem.lasting:
                return self._backoff.refused()
        if time.monotonic() - began > _SETTLED_S:
            self._backoff.well()
        return self._backoff.failed()

    async def _talk(self, line: Line) -> None:
        self._hung_up.clear()
        try:
            await line.talk(self._connected)
        finally:
            self.connected.clear()
            metrics.ACCELERATOR_CONNECTED.set(0)
            self._hung_up.set()

    def _connected(self) -> None:
        self._trouble = ""
        self.connected.set()
        metrics.ACCELERATOR_CONNECTED.set(1)
        _log.info("gateway_connected", host=self._server.host)

    def _complain(self, problem: dialling.Problem) -> None:
        """Once, not at every attempt."""
        metrics.ACCELERATOR_FAILURES.labels(problem.kind).inc()
        if problem.why != self._trouble:
            _log.warning(problem.kind, host=self._server.host, why=problem.why)
        self._trouble = problem.why

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            self._laptop.held.expire()
