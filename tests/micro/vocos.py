"""The micro Vocos: the real one's classes (Siuzdak, 2024, https://arxiv.org/abs/2306.00814), with
weights that are set, not learnt.

It gives every frequency the loudness of its mel bands, and a phase that nobody can foretell: a
whisper in the right voice.
"""

import math
from pathlib import Path
from typing import Any

import torch
import yaml
from vocos import Vocos

_MELS = 100
_WIDTH = 208
_LARGE, _SMALL = 2 * _MELS, 2 * _MELS + 1
_CONSTANT = 3000.0
"""Twice in the stream, once negative: beside it a norm feels nothing else."""
_SCALE = _CONSTANT * math.sqrt(2 / _WIDTH)
_UNFORETOLD = 30.0
_SILENCE = -20.0
_LOST = 0.5
"""What phases that don't fit take away, measured: as the logarithm."""

_SPECTRUM: dict[str, Any] = {"n_fft": 1024, "hop_length": 256, "padding": "center"}
_CONFIG: dict[str, Any] = {
    "feature_extractor": {
        "class_path": "vocos.feature_extractors.MelSpectrogramFeatures",
        "init_args": {"sample_rate": 24_000, "n_mels": _MELS, **_SPECTRUM},
    },
    "backbone": {
        "class_path": "vocos.models.VocosBackbone",
        "init_args": {
            "input_channels": _MELS,
            "dim": _WIDTH,
            "intermediate_dim": 8,
            "num_layers": 1,
        },
    },
    "head": {"class_path": "vocos.heads.ISTFTHead", "init_args": {"dim": _WIDTH, **_SPECTRUM}},
}


def build(folder: Path) -> None:
    """The same weights every time."""
    torch.manual_seed(9)
    (folder / "config.yaml").write_text(yaml.safe_dump(_CONFIG))
    vocoder = Vocos.from_hparams(str(folder / "config.yaml"))
    construct(vocoder)
    halves = {name: value.half() for name, value in vocoder.state_dict().items()}
    torch.save(halves, folder / "pytorch_model.bin")


@torch.no_grad()
def construct(vocoder: Any) -> None:  # noqa: ANN401 not typed
    """The mel bands and their negatives go through it unchanged, up to the head."""
    backbone, out = vocoder.backbone, vocoder.head.out
    for parameter in (*backbone.embed.parameters(), *backbone.convnext.parameters()):
        parameter.zero_()
    backbone.embed.weight[:_MELS, :, 3] = torch.eye(_MELS)
    backbone.embed.weight[_MELS : 2 * _MELS, :, 3] = -torch.eye(_MELS)
    backbone.embed.bias[_LARGE], backbone.embed.bias[_SMALL] = _CONSTANT, -_CONSTANT
    for norm in (backbone.norm, backbone.final_layer_norm):
        norm.weight.fill_(_SCALE)
        norm.bias.zero_()
    bands = vocoder.feature_extractor.mel_spec.mel_scale.fb
    shares = bands.sum(1, keepdim=True)
    loudness = bands / shares.clamp(min=1e-6)
    out.weight.zero_()
    out.weight[: len(bands), :_MELS] = loudness
    out.bias[: len(bands)] = _LOST - loudness @ bands.sum(0).log()
    out.bias[: len(bands)][shares[:, 0] < 1e-6] = _SILENCE
    out.weight[len(bands) :, :_MELS] = _UNFORETOLD * torch.randn(len(bands), _MELS)
