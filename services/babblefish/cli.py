"""The `babblefish` command."""

import asyncio
import sys
from importlib import import_module
from typing import Annotated, TextIO

import typer

from babblefish import models_cli, speakers_cli, voices_cli
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

app.add_typer(models_cli.app, name="models")
app.add_typer(speakers_cli.app, name="speakers")
app.add_typer(voices_cli.app, name="voices")

STAGES = ("translator", "synthesizer", "speaker")
STAGE_PORT = 9001

_log = log(__name__)


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
        _serve(settings)
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def doctor(context: typer.Context) -> None:
    """Say what this machine can run, and what is missing; takes the settings of `serve`."""
    from babblefish.doctor import examine

    try:
        configure_logging("error")
        checks = examine(settings_module.load(context.args))
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")
    for check in checks:
        typer.echo(check.line())
    sys.exit(any(check.fatal for check in checks))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def stage(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(STAGES)}.")],
) -> None:
    """Run one stage for gateways to call, on port 9001; takes the settings of `serve`."""
    try:
        _stage(name, context.args)
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def accelerator(
    context: typer.Context,
    server: Annotated[str, typer.Option(help="wss://…/ws/tts-accelerator of a gateway.")] = "",
    ca: Annotated[str, typer.Option(help="File with the gateway's authority: its /ca.crt.")] = "",
    fingerprint: Annotated[str, typer.Option(help="Or that authority's SHA-256.")] = "",
) -> None:
    """Serve a gateway as a laptop that clones voices; takes the settings of `serve`.

    The secret is in the environment: BABBLEFISH_ACCELERATOR_TOKEN.
    """
    flags = {"server": server, "ca": ca, "fingerprint": fingerprint}
    given = [f"--accelerator-{name}={value}" for name, value in flags.items() if value]
    try:
        _accelerator([*context.args, *given])
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


@app.command()
def check(  # noqa: PLR0913 each is a flag
    *,
    server: Annotated[str, typer.Option(help="Where the server is: https://…")],
    say: Annotated[str, typer.Option(help="What to say.")],
    language: Annotated[str, typer.Option(help="In which language.")],
    to: Annotated[str, typer.Option(help="Which language to listen in.")],
    expect: Annotated[str, typer.Option(help="What to hear in it.")],
    session: Annotated[str, typer.Option(help="Where to meet.")] = "check",
    connect: Annotated[str, typer.Option(help="host:port to call instead.")] = "",
    insecure: Annotated[bool, typer.Option(help="Take any certificate.")] = False,
    patience: Annotated[float, typer.Option(help="Seconds in which to try again.")] = 0,
    token: Annotated[str, typer.Option(envvar="BABBLEFISH_JOIN_TOKEN", help="To join with.")] = "",
) -> None:
    """Speak to a server as one phone, listen as another, and say whether it translates."""
    from babblefish.check import Check, run

    wanted = Check(server, token, session, say, language, to, expect, connect, insecure, patience)
    try:
        typer.echo(asyncio.run(run(wanted, settings_module.load())))
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


def _serve(settings: Settings) -> None:
    from babblefish.gateway import serving
    from babblefish.gateway.app import GatewayApps
    from babblefish.gateway.doors import Doors

    doors = Doors(settings)
    apps = GatewayApps(doors.settings)
    typer.echo(
        f"BabbleFish ({settings.profile}): open http://localhost:{doors.settings.port}/ "
        "in two browsers."
    )
    if settings.invite:
        for line in doors.invitation(with_code=_draws(sys.stdout)):
            typer.echo(line)
    for warning in doors.warnings:
        typer.echo(f"babblefish: {warning}", err=True)
    serving.run(apps, doors)


def _stage(name: str, arguments: list[str]) -> None:
    from babblefish.stage import door, service

    if name not in STAGES:
        raise SettingsError(f"There is no stage {name!r}.", f"There is {', '.join(STAGES)}.")
    settings = settings_module.load(arguments)
    configure_logging(settings.log_level)
    listening = door.listen(settings.host, _stage_port(settings), "BABBLEFISH_PORT")
    built, app = import_module(f"babblefish.{name}.service").build(settings)
    typer.echo(f"BabbleFish {name}: http://localhost:{listening.getsockname()[1]}/about")
    service.run(built, app, settings, listening)


def _accelerator(arguments: list[str]) -> None:
    from babblefish.accelerator import program
    from babblefish.stage import door, service

    if any(argument.startswith("--accelerator-token") for argument in arguments):
        raise SettingsError(
            "Others on this machine can read a command line.",
            "Set BABBLEFISH_ACCELERATOR_TOKEN in the environment.",
        )
    settings = settings_module.load(arguments)
    configure_logging(settings.log_level)
    built, app, warning = program.build(settings)
    listening = door.listen(settings.host, _stage_port(settings), "BABBLEFISH_PORT")
    typer.echo(f"BabbleFish accelerator: http://localhost:{listening.getsockname()[1]}/about")
    if warning:
        typer.echo(f"babblefish: {warning}", err=True)
    service.run(built, app, settings, listening)


def _stage_port(settings: Settings) -> int:
    return settings.port if "port" in settings.model_fields_set else STAGE_PORT


def _draws(stream: TextIO) -> bool:
    """Whether a QR code can be shown there."""
    return stream.isatty() and "utf" in stream.encoding.lower()
