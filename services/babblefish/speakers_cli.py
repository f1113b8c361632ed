"""`babblefish speakers`: the voices that are kept here."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from babblefish import registry_cli
from babblefish import settings as settings_module
from babblefish.errors import BabbleFishError, SettingsError
from babblefish.registry import backup
from babblefish.registry.store import Kept

app = typer.Typer(
    help="The voices that are kept here; takes the settings of `serve`.", no_args_is_help=True
)

_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}

_Session = Annotated[str, typer.Option("--session", help="Only those of this session.")]
_File = Annotated[Path, typer.Argument(help="Where; it holds voices: keep it as a secret.")]

_Recordings = Annotated[
    Path, typer.Argument(help="A folder of WAV files for each person, or a WAV with its RTTM.")
]


@app.command("list", context_settings=_SETTINGS)
def list_(context: typer.Context, session: _Session = "") -> None:
    """Say whose voices are known, session by session."""
    with registry_cli.opened(context.args) as store:
        for kept in store.all():
            if session in ("", kept.session.name):
                typer.echo(_line(kept))


@app.command(context_settings=_SETTINGS)
def export(context: typer.Context, file: _File) -> None:
    """Write all voices into a new file."""
    with registry_cli.opened(context.args) as store:
        voices = store.all()
        backup.write(file, voices)
        typer.echo(f"{len(voices)} voices are in {file}.")
        if store.consents.all():
            typer.echo("No consent is in it, and no sound: people are asked again elsewhere.")


@app.command("import", context_settings=_SETTINGS)
def import_(context: typer.Context, file: _File) -> None:
    """Add the voices of such a file, in place of those with the same ids."""
    with registry_cli.opened(context.args, create=True) as store:
        voices = backup.read(file)
        with store.alone():
            # Whoever can write the file must not change whose voice a yes is bound to.
            fresh = [v for v in voices if store.consents.of(v.voice.speaker.id) is None]
            for kept in fresh:
                store.put(kept)
        typer.echo(f"{len(fresh)} voices were imported.")
        if skipped := len(voices) - len(fresh):
            typer.echo(f"{skipped} are kept as they are: their speakers said yes to cloning here.")


@app.command(context_settings=_SETTINGS, options_metavar="[SPEAKER_ID] [SETTINGS]")
def forget(
    context: typer.Context,
    session: _Session = "",
    everything: Annotated[bool, typer.Option("--all", help="All voices.")] = False,
) -> None:
    """Delete the voice of one speaker, of a session, or all: consents and samples, too."""
    named = [argument for argument in context.args[:1] if not argument.startswith("-")]
    del context.args[: len(named)]
    with registry_cli.opened(context.args) as store:
        if len(named) + bool(session) + everything != 1:
            raise SettingsError("Whose voice?", "Name a speaker id, --session NAME, or --all.")
        if named:
            count = store.forget_speaker(named[0])
        elif session:
            count = store.forget_session(session)
        else:
            count = store.forget_all()
        typer.echo(f"{count} voices were forgotten.")


@app.command(context_settings=_SETTINGS, options_metavar="[SETTINGS]")
def calibrate(context: typer.Context, recordings: _Recordings) -> None:
    """Measure from which cosine on two voiceprints are one voice, and say what to set."""
    from babblefish.gateway.engines import speaker_encoder
    from babblefish.speaker import calibration

    try:
        encoder = speaker_encoder(settings_module.load(context.args))
        if encoder is None:
            raise SettingsError("Nobody is known by voice here.", "Set BABBLEFISH_SPEAKER.")
        result = asyncio.run(calibration.measured(encoder, recordings, typer.echo))
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")
    for line in calibration.lines(result):
        typer.echo(line)


def _line(kept: Kept) -> str:
    voice, heard = kept.voice, time.localtime(kept.heard_at)
    return (
        f"{kept.session.name:<20} {voice.speaker.id:<14} {voice.speaker.name:<24} "
        f"{voice.utterances:>4} utterances {voice.seconds:>7.1f} s  "
        f"{time.strftime('%Y-%m-%d %H:%M', heard)}  {voice.model}"
    )
