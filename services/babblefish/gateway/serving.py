"""One gateway behind two doors: http for this machine and for proxies, https for phones."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import uvicorn
import uvloop
from fastapi import FastAPI

from babblefish.errors import SettingsError
from babblefish.gateway.tls import Tls
from babblefish.settings import Settings

# Frames over 1 MiB are refused with an `error`; only what is absurd closes the socket unread.
_MAX_MESSAGE = 4 << 20

_BACKLOG = 1024
_DEAD_PEER_MS = 60_000
_GOODBYE_S = 0.5


class _Door(uvicorn.Server):
    """A uvicorn that leaves signals to whoever runs several of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Without waiting for phones that left without a word."""
        silence = asyncio.create_task(self._hang_up_on_the_silent())
        try:
            await super().shutdown(sockets)
        finally:
            silence.cancel()

    async def _hang_up_on_the_silent(self) -> None:
        """TLS waits half a minute for the other side's goodbye; all was sent before that."""
        while True:
            await asyncio.sleep(_GOODBYE_S)
            for connection in list(self.server_state.connections):
                transport = connection.transport
                if transport.is_closing() and not transport.get_write_buffer_size():
                    transport.abort()


def listen(settings: Settings, port: int, setting: str) -> socket.socket:
    """An open port; raises `SettingsError`, which names the setting."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, port), family=family, backlog=_BACKLOG)
        # Sockets inherit it: the kernel forgets a peer that takes nothing for so long.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_MS)
        return listening
    except OSError as error:
        raise SettingsError(
            f"Port {port} on {settings.host} cannot be opened: {error.strerror}.",
            f"Choose another with {setting}.",
        ) from None


def run(
    app: FastAPI,
    settings: Settings,
    plain: socket.socket,
    secure: socket.socket | None,
    tls: Tls | None,
) -> None:
    """Until a signal ends it."""
    doors = [(_Door(_config(app, settings)), plain)]
    if secure and tls:
        doors.append((_Door(_config(app, settings, tls.context)), secure))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(app, doors, tls))


async def _run(app: FastAPI, doors: list[tuple[_Door, socket.socket]], tls: Tls | None) -> None:
    _stop_on_signals([door for door, _ in doors])
    async with app.router.lifespan_context(app), _background(tls):
        await asyncio.gather(*(door.serve([listening]) for door, listening in doors))


@contextlib.asynccontextmanager
async def _background(tls: Tls | None) -> AsyncIterator[None]:
    fresh = asyncio.create_task(tls.keep_fresh()) if tls else None
    yield
    if fresh:
        fresh.cancel()


def _stop_on_signals(doors: list[_Door]) -> None:
    """Both doors close at once; a second Ctrl-C does not wait for what is still said."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):

        def stop(number: int = number) -> None:
            for door in doors:
                door.handle_exit(number, None)

        loop.add_signal_handler(number, stop)


def _config(
    app: FastAPI, settings: Settings, context: ssl.SSLContext | None = None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",  # one for all doors: `_run`
        ssl_context_factory=(lambda *_: context) if context else None,
        loop="uvloop",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=_MAX_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=settings.heartbeat_s,
        ws_ping_timeout=2 * settings.heartbeat_s,
        timeout_graceful_shutdown=round(settings.utterance_deadline_s),
        log_config=None,
        access_log=False,
        server_header=False,
    )
