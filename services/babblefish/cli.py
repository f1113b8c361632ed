"""The `babblefish` command."""

import socket
import sys
from typing import Annotated

import typer

from babblefish import settings as settings_module
from babblefish.errors import BabbleFishError, SettingsError
from babblefish.settings import Settings
from babblefish.telemetry import configure_logging, log

app = typer.Typer(
    name="babblefish",
    help="Self-hosted, real-time speech-to-speech translation for phones.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_log = log(__name__)

# Frames over 1 MiB are refused with an `error`; only what is absurd closes the socket unread.
_MAX_MESSAGE = 4 << 20

_BACKLOG = 1024
_DEAD_PEER_MS = 60_000


@app.callback()
def main() -> None:
    """Self-hosted, real-time speech-to-speech translation for phones."""


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def serve(
    context: typer.Context,
    help_: Annotated[bool, typer.Option("--help", "-h", hidden=True)] = False,
) -> None:
    """Run a gateway, by default with the engines it needs; `serve --help` lists every setting."""
    try:
        settings = settings_module.load(["--help"] if help_ else context.args)
        configure_logging(settings.log_level)
        for hint in settings_module.misspelt():
            _log.warning("unknown_setting", hint=hint)
        _run(settings)
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


def _run(settings: Settings) -> None:
    import uvicorn

    from babblefish.gateway.app import create_app

    config = uvicorn.Config(
        create_app(settings),
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
    listening = _listen(settings)
    port = listening.getsockname()[1]
    typer.echo(f"BabbleFish ({settings.profile}): open http://localhost:{port}/ in two browsers.")
    uvicorn.Server(config).run(sockets=[listening])


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server(
            (settings.host, settings.port), family=family, backlog=_BACKLOG
        )
        # Sockets inherit it: the kernel forgets a peer that takes nothing for so long.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER_MS)
        return listening
    except OSError as error:
        raise SettingsError(
            f"Port {settings.port} on {settings.host} cannot be opened: {error.strerror}.",
            "Choose another with PORT=… or BABBLEFISH_PORT.",
        ) from None
