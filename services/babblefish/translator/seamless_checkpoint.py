"""What a SeamlessM4T checkpoint can, told by its files without loading its weights."""

import json
from pathlib import Path
from typing import NamedTuple

import langcodes

from babblefish.errors import EngineMissing
from babblefish.languages import UnknownLanguage, normalise

TEXT_ENCODER = "text_encoder.layer_norm.weight"
"""A tensor that only checkpoints have which read what people type."""


class Checkpoint(NamedTuple):
    """A folder of weights, their names of languages by ours, and whether they translate text."""

    folder: Path
    codes: dict[str, str]
    reads: bool


def inspect(folder: Path) -> Checkpoint:
    """What is in `folder`; raises `EngineMissing` where that cannot be used."""
    return Checkpoint(folder, languages(folder), reads(folder))


def languages(folder: Path) -> dict[str, str]:
    """What the checkpoint in `folder` calls each language that it writes, by our code.

    Raises `EngineMissing` where it does not tell.
    """
    try:
        generation = json.loads((folder / "generation_config.json").read_text())
        codes = list(generation["text_decoder_lang_to_code_id"])
    except (OSError, ValueError, KeyError) as error:
        raise _unusable(folder, "its generation_config.json tells no languages") from error
    called = [(ours, code) for code in codes if (ours := _normalised(code))]
    # `cmn` and `cmn_Hant` are both zh, `nob` and `nno` both no: the nearest comes last, and stays.
    return dict(sorted(called, key=lambda pair: langcodes.tag_distance(*pair), reverse=True))


def reads(folder: Path) -> bool:
    """Whether the checkpoint in `folder` translates text, too; raises `EngineMissing` for none."""
    from safetensors import SafetensorError  # of the extra that engines need, not the gateway

    try:
        names = tensors(folder)
    except (OSError, SafetensorError) as error:
        raise _unusable(folder, f"its weights are damaged ({error})") from error
    if not names:
        raise _unusable(folder, "it has no weights in safetensors")
    return TEXT_ENCODER in names


def tensors(folder: Path) -> dict[str, Path]:
    """In which file each tensor of a checkpoint is; raises `SafetensorError`, `OSError`."""
    return {name: path for path in sorted(folder.glob("*.safetensors")) for name in _names(path)}


def _names(path: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return list(file.keys())


def _unusable(folder: Path, why: str) -> EngineMissing:
    return EngineMissing(f"The model in {folder} cannot be used: {why}.", "Fetch it again.")


def _normalised(code: str) -> str | None:
    try:
        return normalise(code)
    except UnknownLanguage:
        return None
