"""F5's networks, built of files that somebody downloaded. Worker process only: it imports torch.

Only tensors are read of them, and only those of exactly the network that they say they are: nothing
is built or executed because a file asks for it.
"""

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
import yaml
from f5_tts.model.backbones.dit import DiT
from f5_tts.model.cfm import CFM
from msgspec import Meta, Struct
from safetensors import SafetensorError, safe_open
from torch import nn
from vocos import Vocos
from vocos.feature_extractors import MelSpectrogramFeatures
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone

from babblefish.cloner.f5_checkpoints import Architecture, Checkpoint

MEL: dict[str, Any] = {
    "target_sample_rate": 24_000,
    "n_mel_channels": 100,
    "hop_length": 256,
    "win_length": 1024,
    "n_fft": 1024,
    "mel_spec_type": "vocos",
}
HOP = 256

_MOST_LETTERS = 65_536
_MOST_VOCABULARY = 2 << 20
_PREFIX = "ema_model."
_NO_WEIGHTS = ("initted", "step", "update")
_NOT_KEPT = "mel_spec."
"""Of old checkpoints: it is computed."""


class Unusable(Exception):
    """Why a file cannot be used; goes on after its name."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name


class _Backbone(Struct, frozen=True, forbid_unknown_fields=True):
    dim: Annotated[int, Meta(ge=8, le=2048)]
    intermediate_dim: Annotated[int, Meta(ge=8, le=8192)]
    num_layers: Annotated[int, Meta(ge=1, le=32)]
    input_channels: Annotated[int, Meta(ge=100, le=100)] = 100


class _BackboneConfig(Struct, frozen=True):
    init_args: _Backbone


class _VocoderConfig(Struct, frozen=True):
    """Of `config.yaml`, which names classes to import, what cannot be otherwise."""

    backbone: _BackboneConfig


def network(architecture: Architecture, letters: dict[str, int]) -> CFM:
    """Untaught."""
    built = DiT(**msgspec.structs.asdict(architecture), text_num_embeds=len(letters), mel_dim=100)
    return CFM(transformer=built, mel_spec_kwargs=MEL, vocab_char_map=letters)


def load(checkpoint: Checkpoint, device: str, dtype: torch.dtype) -> CFM:
    """The network of a checkpoint; raises `Unusable`."""
    letters = _letters(Path(checkpoint.vocabulary))
    path = Path(checkpoint.weights)
    name = f"{path.parent.name}/{path.name}"
    try:
        _compare(_shapes(path), checkpoint.architecture, letters, name)
        model = network(checkpoint.architecture, letters)
        model.load_state_dict(_tensors(path))
    except (OSError, SafetensorError) as error:
        raise Unusable(name, "is damaged") from error
    except (RuntimeError, AssertionError, ValueError) as error:
        raise Unusable(name, "has a config.json of no network") from error
    return _placed(model.to(dtype), device, name)


def vocoder(folder: Path, device: str) -> Vocos:
    """Raises `Unusable`."""
    weights = folder / "pytorch_model.bin"
    name = f"{folder.name}/{weights.name}"
    model = _vocos(folder / "config.yaml")
    try:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, AttributeError) as error:
        raise Unusable(name, "is damaged, or is of another config.yaml") from error
    placed: Vocos = _placed(model, device, name)
    return placed


def _vocos(config: Path) -> Vocos:
    try:
        known = yaml.safe_load(config.read_bytes())
        backbone = msgspec.convert(known, _VocoderConfig).backbone.init_args
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise Unusable(f"{config.parent.name}/{config.name}", "cannot be used") from error
    same = {"n_fft": 1024, "hop_length": HOP, "padding": "center"}
    return Vocos(
        MelSpectrogramFeatures(sample_rate=24_000, n_mels=100, **same),
        VocosBackbone(**msgspec.structs.asdict(backbone)),
        ISTFTHead(dim=backbone.dim, **same),
    )


def _letters(path: Path) -> dict[str, int]:
    """As `f5_tts.model.utils.get_tokenizer` reads it: a letter a line, the first for all others."""
    name = f"{path.parent.name}/{path.name}"
    try:
        if path.stat().st_size > _MOST_VOCABULARY:
            raise Unusable(name, "is no vocabulary")
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(name, "cannot be read") from error
    letters = {letter: number for number, letter in enumerate(lines)}
    if not 1 < len(letters) <= _MOST_LETTERS or lines[0] != " ":
        raise Unusable(name, "is no vocabulary of F5")
    return letters


def _shapes(path: Path) -> dict[str, list[int]]:
    with safe_open(path, framework="pt") as file:
        return {ours: file.get_slice(name).get_shape() for name, ours in _names(file.keys())}


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {ours: file.get_tensor(name).float() for name, ours in _names(file.keys())}


def _names(names: Iterable[str]) -> list[tuple[str, str]]:
    ours = [(name, name.removeprefix(_PREFIX)) for name in names]
    return [
        pair for pair in ours if pair[1] not in _NO_WEIGHTS and not pair[1].startswith(_NOT_KEPT)
    ]


def _compare(
    found: dict[str, list[int]], architecture: Architecture, letters: dict[str, int], name: str
) -> None:
    """Before anything is allocated."""
    with torch.device("meta"):
        wanted = network(architecture, letters).state_dict()
    if found != {key: list(value.shape) for key, value in wanted.items()}:
        raise Unusable(name, "is of another network than its config.json and vocab.txt")


def _placed(model: nn.Module, device: str, name: str) -> Any:  # noqa: ANN401 what was given
    try:
        return model.to(device).eval().requires_grad_(False)
    except torch.OutOfMemoryError as error:
        raise Unusable(name, "does not fit the GPU's memory") from error
    except (RuntimeError, AssertionError) as error:
        raise Unusable(
            name, f"cannot be put on {device}: there is none that torch knows"
        ) from error
