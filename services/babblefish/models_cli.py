"""`babblefish models`: which are here, whether they are whole, and their int8 copies."""

import sys
from pathlib import Path

import typer

from babblefish import models
from babblefish import settings as settings_module
from babblefish.errors import BabbleFishError, EngineMissing, SettingsError
from babblefish.models import MODELS, Model
from babblefish.settings import Settings

app = typer.Typer(
    help="The models that engines load; takes the settings of `serve`.", no_args_is_help=True
)

_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
_QUANTISED = "seamless-m4t-v2-large"


@app.command("list", context_settings=_SETTINGS)
def list_(context: typer.Context) -> None:
    """Say where each is, how large, and under which licence."""
    try:
        _list(settings_module.load(context.args))
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


@app.command(context_settings=_SETTINGS, options_metavar="[MODEL] [SETTINGS]")
def verify(context: typer.Context) -> None:
    """Compare the files of one, or of all that are here, with their checksums."""
    try:
        name, settings = _asked(context)
        sys.exit(not _verified([_known(name).name] if name else list(MODELS), settings))
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


@app.command(context_settings=_SETTINGS, options_metavar="[MODEL] [SETTINGS]")
def quantise(context: typer.Context) -> None:
    """Store a copy in int8, which CPUs run faster, and say where."""
    try:
        name, settings = _asked(context)
        typer.echo(str(_quantised(_known(name or _QUANTISED), settings)))
    except ImportError as error:
        sys.exit(f"babblefish: {error.name} is missing. Run `pip install babblefish[seamless]`.")
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")


def _asked(context: typer.Context) -> tuple[str, Settings]:
    """The model, if one is named, and the settings after it."""
    named = [argument for argument in context.args[:1] if not argument.startswith("-")]
    return "".join(named), settings_module.load(context.args[len(named) :])


def _known(name: str) -> Model:
    if name not in MODELS:
        raise SettingsError(f"There is no model {name!r}.", f"There is {', '.join(MODELS)}.")
    return MODELS[name]


def _list(settings: Settings) -> None:
    for model in MODELS.values():
        found = _found(model, settings)
        where = found or f"missing: {models.download(model, settings)}"
        about = f"{model.name:<22} {model.stage:<12} {model.size:>7}  {model.licence:<13}"
        typer.echo(f"{about} {where}")
        if model.quantisable:
            copy = models.quantised(model.name, settings)
            stored = copy if copy.is_dir() else f"none: babblefish models quantise {model.name}"
            typer.echo(f"{'':<36}{'int8':>7}  {'':<13} {stored}")


def _verified(names: list[str], settings: Settings) -> bool:
    """Whether what is here is what it should be; one that is named must be here."""
    folders = [models.find(name, settings) for name in names if len(names) == 1]
    folders = folders or [each for name in names if (each := _found(MODELS[name], settings))]
    if not folders:
        raise EngineMissing("There is no model here.", "`babblefish models list` says more.")
    copies = (models.quantised(name, settings) for name in names)
    verdicts = [_whole(folder) for folder in (*folders, *filter(Path.is_dir, copies))]
    return all(verdicts)


def _whole(folder: Path) -> bool:
    files = models.verify(folder)
    spoiled = sorted(name for name, whole in files.items() if not whole)
    for name in spoiled:
        typer.echo(f"{folder / name} is not what it should be: fetch it again.", err=True)
    if not files:
        typer.echo(f"{folder} has no {models.SUMS}: nothing says what it should be.", err=True)
    elif not spoiled:
        typer.echo(f"{folder}: {len(files)} files are what they should be.")
    return bool(files) and not spoiled


def _found(model: Model, settings: Settings) -> Path | None:
    try:
        return models.find(model.name, settings)
    except EngineMissing:
        return None


def _quantised(model: Model, settings: Settings) -> Path:
    if not model.quantisable:
        raise SettingsError(f"No engine runs {model.name} in int8.", "It is used as it is.")
    source, target = models.find(model.name, settings), models.quantised(model.name, settings)
    from babblefish.translator.quantised import quantise as store

    store(source, target)
    return target
