"""A stage in a process of its own: what every stage answers, and how it comes and goes."""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec
import uvloop
from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from babblefish import metrics
from babblefish.errors import StageError
from babblefish.settings import Settings
from babblefish.stage import cores, wire
from babblefish.stage.desk import Desk
from babblefish.stage.door import Door
from babblefish.telemetry import log, milliseconds_since

_MAX_BODY = 1 << 18

_log = log(__name__)


class Engine(Protocol):
    """What every engine has, whatever it does."""

    async def start(self) -> None:
        """Loads what takes time."""

    async def stop(self) -> None:
        """Ends processes and threads."""


class Service:
    """One engine, to be asked over HTTP; `abilities` is what callers may know of it."""

    def __init__(
        self, stage: str, engine: Engine, abilities: Callable[[], object], settings: Settings
    ) -> None:
        self.stage = stage
        self.desk = Desk(stage, settings.stage_queue)
        self._engine = engine
        self._abilities = abilities
        self._settings = settings

    def seconds(self, request_ms: int | None) -> float:
        """How long the caller waits; our own deadline where it does not say."""
        longest = self._settings.utterance_deadline_s
        return longest if request_ms is None else min(longest, request_ms / 1000)

    def taking(
        self, request: Request, method: str
    ) -> "contextlib.AbstractAsyncContextManager[None]":
        """Does one HTTP request; see `Desk.taking`."""
        left = request.headers.get(wire.DEADLINE_HEADER, "")
        return self.desk.taking(method, self.seconds(int(left) if left.isdecimal() else None))

    def answer(self, body: bytes) -> Response:
        """With how much there is to do."""
        return Response(body, media_type=wire.MSGPACK, headers=self.depth_header)

    def refusal(self, error: Exception) -> Response:
        """Why there is no answer; what is our own fault is logged."""
        failure = wire.Failure.of(error)
        if failure.kind == "failed":
            _log.error("request_failed", stage=self.stage, exc_info=error)
        answer = self.answer(msgspec.msgpack.encode(failure))
        answer.status_code = wire.STATUS[failure.kind]
        return answer

    @property
    def depth_header(self) -> dict[str, str]:
        """How much there is to do."""
        return {wire.DEPTH_HEADER: str(self.desk.depth)}

    @property
    def ready(self) -> bool:
        """Whether it takes anything."""
        return self.desk.ready

    def about(self) -> wire.About:
        """See `wire.About`."""
        abilities = msgspec.Raw(msgspec.json.encode(self._abilities()))
        return wire.About(self.stage, self.ready, self.desk.depth, abilities)

    @contextlib.asynccontextmanager
    async def running(self, ending: asyncio.Event) -> AsyncIterator[None]:
        """Warms up in the background, so that `/health` answers; `ending` is set if it cannot."""
        cores.report(self.stage, self._settings)
        metrics.STAGE_DEPTH.labels(self.stage).set(0)
        metrics.STAGE_READY.labels(self.stage).set(0)
        warming = asyncio.create_task(self._warm_up())
        warming.add_done_callback(lambda task: _end_if_failed(task, ending))
        try:
            yield
        finally:
            warming.cancel()
            outcome = (await asyncio.gather(warming, return_exceptions=True))[0]
            await self._engine.stop()
        if isinstance(outcome, Exception):
            raise outcome

    async def leave(self) -> None:
        """Takes nothing more, and sees through what it has."""
        await self.desk.drain(self._settings.drain_s)

    async def _warm_up(self) -> None:
        started = time.monotonic()
        await self._engine.start()
        self.desk.warm = True
        metrics.STAGE_READY.labels(self.stage).set(1)
        _log.info("stage_warm", stage=self.stage, milliseconds=milliseconds_since(started))


def create_app(service: Service, work: APIRouter) -> FastAPI:
    """The stage's own addresses, and those that every stage has."""
    app = FastAPI(title=f"BabbleFish {service.stage}", docs_url=None, redoc_url=None)

    @app.get("/health")
    async def health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/ready")
    async def ready(response: Response) -> dict[str, str]:
        """It takes work."""
        if service.ready:
            return {"status": "ready"}
        response.status_code = 503
        return {"status": "starting or going"}

    @app.get("/about")
    async def about() -> Response:
        """What it can, and how much it has to do."""
        return Response(msgspec.json.encode(service.about()), media_type="application/json")

    @app.get("/metrics")
    async def figures() -> Response:
        """For Prometheus."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def refuse(_: Request, error: Exception) -> Response:
        return service.refusal(error)

    for kind in (StageError, TimeoutError, msgspec.DecodeError, Exception):
        app.add_exception_handler(kind, refuse)
    app.include_router(work)
    return app


def run(service: Service, app: FastAPI, settings: Settings, listening: socket.socket) -> None:
    """Until a signal ends it, or the engine cannot start; a second signal waits for nothing."""
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        contextlib.suppress(asyncio.CancelledError),
    ):
        runner.run(_run(service, Door(app, settings, listening)))


async def _run(service: Service, door: Door) -> None:
    ending = asyncio.Event()
    _end_on_signals(ending)
    async with service.running(ending):
        serving = asyncio.create_task(door.open())
        await ending.wait()
        await service.leave()
        door.should_exit = True
        await serving


def _end_on_signals(ending: asyncio.Event) -> None:
    running = asyncio.current_task()

    def end() -> None:
        if ending.is_set() and running:
            running.cancel()
        ending.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)


async def body(request: Request, most: int = _MAX_BODY) -> bytes:
    """What a caller sent; raises `DecodeError` beyond the `most` bytes that any of ours sends."""
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > most:
            raise msgspec.DecodeError(f"more than {most} bytes")
    return bytes(received)


def _end_if_failed(warming: asyncio.Task[None], ending: asyncio.Event) -> None:
    if not warming.cancelled() and warming.exception():
        ending.set()
