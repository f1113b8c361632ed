"""Engines by name: `local:light` is the entry point `light` of the stage's group.

A package that declares an entry point in `babblefish.translator` or `babblefish.synthesizer`
adds an engine; nothing here knows which there are.
"""

from importlib.metadata import entry_points
from typing import Any

from babblefish.errors import EngineMissing
from babblefish.settings import Settings


def build(stage: str, reference: str, settings: Settings) -> Any:  # noqa: ANN401 caller knows
    """The engine that `reference` names, not yet started; raises `EngineMissing`."""
    name = reference.removeprefix("local:")
    group = entry_points(group=f"babblefish.{stage}")
    if name not in group.names:
        known = ", ".join(sorted(f"local:{known}" for known in group.names)) or "none"
        raise EngineMissing(
            f"There is no {stage} {reference!r} here.",
            f"Set BABBLEFISH_{stage.upper()} to one of: {known}.",
        )
    try:
        factory = group[name].load()
    except ImportError as error:
        raise EngineMissing(
            f"The {stage} {reference!r} needs the package {error.name!r}.",
            f"Install it with `pip install babblefish[{name}]`.",
        ) from error
    return factory(settings)
