"""`babblefish voices`: the voices that may be cloned, because their speakers said yes."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer

from babblefish import registry_cli
from babblefish import settings as settings_module
from babblefish.errors import SettingsError
from babblefish.registry.holdings import Purge
from babblefish.registry.store import Store
from babblefish.voices import account
from babblefish.voices.account import Account

app = typer.Typer(
    help="Voices that may be cloned; takes the settings of `serve`.", no_args_is_help=True
)

_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
_PURGED_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.1

_Voice = Annotated[str, typer.Argument(metavar="SPEAKER_ID", help="Whose; see `list`.")]

_Full = Annotated[bool, typer.Option(help="Every weight learns: better, with more memory.")]


@app.command("list", context_settings=_SETTINGS)
def list_(context: typer.Context) -> None:
    """Say who said yes, until when, and what is kept of them."""
    with registry_cli.opened(context.args) as store:
        for kept in account.accounts(store):
            typer.echo(_line(kept))


@app.command(context_settings=_SETTINGS)
def revoke(context: typer.Context, voice: _Voice) -> None:
    """Take back a yes: delete everything of that voice, here and on every laptop."""
    with registry_cli.opened(context.args) as store:
        if not store.revoke(voice):
            raise SettingsError(f"Nobody of the id {voice!r} said yes.", "`voices list` has them.")
        typer.echo("Everything that was kept of this voice is deleted here.")
        for line in _told(_confirmed(store, voice)):
            typer.echo(line)


@app.command(context_settings=_SETTINGS)
def train(context: typer.Context, voice: _Voice, full: _Full = False) -> None:
    """Fine-tune F5 to a voice that may be cloned; kept only if it gets nearer to its speaker.

    What is interrupted goes on the next time.
    """
    from babblefish.gateway.engines import speaker_encoder
    from babblefish.voices.fine_tune import fine_tune

    with registry_cli.opened(context.args) as store:
        settings = settings_module.load(context.args)
        encoder = speaker_encoder(settings)
        if encoder is None:
            raise SettingsError("Nobody is known by voice here.", "Set BABBLEFISH_SPEAKER.")
        outcome = fine_tune(store, voice, encoder, settings, typer.echo, full=full)
        kept = "It is kept." if outcome.better else "It is worse: what was there before stays."
        typer.echo(f"{outcome}. {kept}")


@app.command(context_settings=_SETTINGS)
def rollback(context: typer.Context, voice: _Voice) -> None:
    """Take the last fine-tune of a voice away: the one before it speaks again, or none."""
    with registry_cli.opened(context.args) as store:
        if not store.samples.roll_back(voice):
            raise SettingsError(f"No fine-tune of {voice!r} is kept.", "`voices list` says more.")
        typer.echo("The last fine-tune of this voice is deleted.")


def _confirmed(store: Store, voice: str) -> Purge:
    """What laptops told the gateway, which is another process."""
    until = time.monotonic() + _PURGED_WITHIN_S
    while (purge := store.holdings.of(voice)).waiting and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
    return purge


def _told(purge: Purge) -> Iterator[str]:
    if purge.purged:
        yield f"Laptops that confirmed that it is gone there: {', '.join(purge.purged)}."
    if purge.waiting:
        away = ", ".join(purge.waiting)
        yield f"Laptops that are away, and delete it before they serve again: {away}."


def _line(kept: Account) -> str:
    consent, speaker = kept.consent, kept.consent.voice.speaker
    state = "trained" if kept.trained else "ready" if kept.ready else "collecting"
    return (
        f"{speaker.id:<14} {speaker.name:<24} since {_day(consent.since)} in "
        f"{consent.session.name}, wording {consent.wording or 'unknown'}, until "
        f"{_day(consent.expires)}  {kept.samples:>3} samples {kept.seconds:>6.1f} s  {state}  "
        f"laptops: {', '.join(kept.laptops) or 'none'}"
    )


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
