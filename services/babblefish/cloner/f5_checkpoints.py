"""Which F5 checkpoints there are, told by their files without loading their weights.

Each is a folder `f5-…` of `models_dir`: `model.safetensors`, `vocab.txt` (a letter a line) and
`config.json`, which names the languages, the licence and the architecture, as in

    {"languages": ["fr"], "licence": "CC-BY-NC-4.0", "architecture": {"dim": 1024, "depth": 22, …}}

or `f5-tts-base`, as it is published. The folder `vocos-mel-24khz` turns into sound what they make.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from babblefish import models
from babblefish.errors import EngineMissing
from babblefish.languages import UnknownLanguage, normalise
from babblefish.settings import Settings

BASE = "f5-tts-base"
VOCODER = "vocos-mel-24khz"

_Width = Annotated[int, Meta(ge=8, le=2048)]
_Layers = Annotated[int, Meta(ge=1, le=48)]
_Few = Annotated[int, Meta(ge=1, le=32)]


class Architecture(Struct, frozen=True, forbid_unknown_fields=True):
    """What `f5_tts.model.DiT` is built of; by default F5TTS_v1_Base (of f5-tts' `configs`)."""

    dim: _Width = 1024
    depth: _Layers = 22
    heads: _Few = 16
    dim_head: Annotated[int, Meta(ge=8, le=256)] = 64
    ff_mult: Annotated[int, Meta(ge=1, le=8)] = 2
    text_dim: _Width = 512
    conv_layers: Annotated[int, Meta(ge=0, le=16)] = 4
    text_mask_padding: bool = True
    text_embedding_average_upsampling: bool = False
    qk_norm: str | None = None
    pe_attn_head: _Few | None = None


class _Config(Struct, frozen=True):
    languages: Annotated[list[str], Meta(min_length=1, max_length=64)]
    licence: Annotated[str, Meta(min_length=1, max_length=200)]
    architecture: Architecture = Architecture()


class Checkpoint(Struct, frozen=True):
    """Weights, and what they are."""

    weights: str
    vocabulary: str
    architecture: Architecture
    languages: frozenset[str]
    licence: str


def find(settings: Settings) -> list[Checkpoint]:
    """All that there are; raises `EngineMissing` for none, or one that cannot be used."""
    folder = settings.models_dir
    own = sorted(folder.glob("f5-*")) if folder else []
    found = [_custom(each) for each in own if each.is_dir() and each.name != BASE]
    if not found or (folder and (folder / BASE).is_dir()):
        found.append(_base(models.find(BASE, settings)))
    return found


def speakers(checkpoints: Sequence[Checkpoint]) -> dict[str, int]:
    """Which of them speaks each language: the one that speaks the fewest others."""
    by_breadth = sorted(
        range(len(checkpoints)), key=lambda i: len(checkpoints[i].languages), reverse=True
    )
    return {language: i for i in by_breadth for language in sorted(checkpoints[i].languages)}


def _base(folder: Path) -> Checkpoint:
    weights, vocabulary = (str(folder / file) for file in models.MODELS[BASE].needs)
    return Checkpoint(
        weights, vocabulary, Architecture(), frozenset({"en", "zh"}), models.MODELS[BASE].licence
    )


def _custom(folder: Path) -> Checkpoint:
    files = weights, vocabulary, config = [
        folder / name for name in ("model.safetensors", "vocab.txt", "config.json")
    ]
    for file in files:
        if not file.is_file():
            raise unusable(folder.name, f"lacks {file.name}")
    try:
        known = msgspec.json.decode(config.read_bytes(), type=_Config)
        languages = frozenset(map(normalise, known.languages))
    except (OSError, msgspec.DecodeError, UnknownLanguage) as error:
        raise unusable(folder.name, f"has a config.json that cannot be used: {error}") from error
    return Checkpoint(str(weights), str(vocabulary), known.architecture, languages, known.licence)


def unusable(name: str, why: str) -> EngineMissing:
    """What is said of a model that cannot be used."""
    return EngineMissing(f"The cloner's model {name} {why}.", "Fetch it again, or remove it.")
