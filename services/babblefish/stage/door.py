"""An open port with a server behind it, which leaves signals and its life to its owner."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from babblefish.errors import SettingsError
from babblefish.settings import Settings

# Frames over 1 MiB are refused with an `error`; only what is absurd closes the socket unread.
_MAX_MESSAGE = 4 << 20

_BACKLOG = 1024
_DEAD_PEER_MS = 60_000
_GOODBYE_S = 0.5


class Door(uvicorn.Server):
    """A uvicorn that several can be of in one process; their lifespan is their owner's."""

    def __init__(
        self,
        app: FastAPI,
        settings: Settings,
        listening: socket.socket,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(_config(app, settings, context))
        self._listening = listening

    async def open(self) -> None:
        """Serves until `should_exit`."""
        await self.serve([self._listening])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves them to the owner."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Without waiting for peers that left without a word."""
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


def listen(host: str, port: int, setting: str) -> socket.socket:
    """An open port; raises `SettingsError`, which names the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        # Sockets inherit it: the kernel forgets a peer that takes nothing for so long.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_MS)
        return listening
    except OSError as error:
        raise SettingsError(
            f"Port {port} on {host} cannot be opened: {error.strerror}.",
            f"Choose another with {setting}.",
        ) from None


def _config(app: FastAPI, settings: Settings, context: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
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
        forwarded_allow_ips=settings.trusted_proxies,
    )
