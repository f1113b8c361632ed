"""The micro F5: a network of the real one's class whose weights are set, not learnt.

The real one (Chen et al., 2024, https://arxiv.org/abs/2410.06885) learns to read on in a voice.
This one only finds: each moment of speech is the mean of those moments of the reference at which
the same letter is read, both texts being spread evenly over their speech. So the clone has its
reference's voice, about its loudness and its pace, but hardly says its text.

Of the steps of a sentence the last lands on that mean: the flow is `k (mean - x)`, and `k` is what
the last of seven pruned steps is long, inverted. Guidance triples what depends on the reference.
"""

import json
import math
import unicodedata
from pathlib import Path
from typing import Any

import torch
from f5_tts.model.backbones.dit import DiT
from f5_tts.model.cfm import CFM
from safetensors.torch import save_file
from torch import nn

from tests.micro.phrases import LANGUAGES, PHRASES

_MELS = 100
_CODE = 32
_HEADS, _HEAD = 3, 64

# Where what is in the network's stream.
_NOISY = slice(0, _MELS)
_GIVEN = slice(_MELS, 2 * _MELS)
_LETTER = slice(2 * _MELS, 2 * _MELS + _CODE)
_IS_GIVEN, _NOTHING, _LARGE, _SMALL = range(2 * _MELS + _CODE, 2 * _MELS + _CODE + 4)
_WIDTH = 240

_CONSTANT = 1000.0
"""Twice in the stream, once negative: a norm feels nothing beside it, and divides by `_SCALE`."""
_SCALE = _CONSTANT * math.sqrt(2 / _WIDTH)

_GUIDED = 3.0
_RATE = 1 / math.cos(0.75 * math.pi / 2)

_SAME_LETTER = 9.0
_SAME_KIND = 3.0
_GIVEN_ONLY = 60.0
"""What a moment's attention to another depends on, as exponents."""

_MEAN_MEL = -6.0

ARCHITECTURE: dict[str, Any] = {
    "dim": _WIDTH,
    "depth": 2,
    "heads": _HEADS,
    "dim_head": _HEAD,
    "ff_mult": 1,
    "text_dim": _CODE,
    "conv_layers": 0,
    "text_mask_padding": True,
    "text_embedding_average_upsampling": True,
    "pe_attn_head": 1,  # the first head knows where it is, and is not used
}
MEL: dict[str, Any] = {
    "target_sample_rate": 24_000,
    "n_mel_channels": _MELS,
    "hop_length": 256,
    "win_length": 1024,
    "n_fft": 1024,
    "mel_spec_type": "vocos",
}


def build(folder: Path) -> None:
    """The same bytes every time."""
    letters = vocabulary()
    torch.manual_seed(9)
    model = CFM(
        transformer=DiT(**ARCHITECTURE, text_num_embeds=len(letters), mel_dim=_MELS),
        mel_spec_kwargs=MEL,
        vocab_char_map={letter: number for number, letter in enumerate(letters)},
    )
    construct(model.transformer, letters)
    halves = {f"ema_model.{name}": value.half() for name, value in model.state_dict().items()}
    save_file(halves, folder / "model.safetensors")
    (folder / "vocab.txt").write_text("".join(f"{letter}\n" for letter in letters))
    config = {"languages": LANGUAGES, "licence": "MIT", "architecture": ARCHITECTURE}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def vocabulary() -> list[str]:
    """Letters of its languages; the first stands for what is none."""
    used = {letter for phrase in PHRASES for text in phrase for letter in text + text.upper()}
    plain = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,?!;:'\"-")
    return [" ", *sorted((used | plain) - {" "})]


@torch.no_grad()
def construct(network: Any, letters: list[str]) -> None:  # noqa: ANN401 not typed
    """First block: what is given at all. Second: where the same letter is given, and how."""
    for block in network.transformer_blocks:
        _clear(block)
    _clear(network.input_embed, network.norm_out, network.proj_out)
    for number, letter in enumerate(letters):
        network.text_embed.text_embed.weight[number + 1] = _code(letter)
    network.text_embed.text_embed.weight[0] = 0
    _take(network.input_embed.proj)
    first, second = network.transformer_blocks
    _mark(first)
    _find(second)
    network.proj_out.weight[:, _NOISY] = -torch.eye(_MELS) * _RATE * _SCALE
    network.proj_out.weight[:, _NOTHING] = _RATE * _SCALE


def _clear(*modules: nn.Module) -> None:
    for module in modules:
        for parameter in module.parameters():
            parameter.zero_()


def _code(letter: str) -> torch.Tensor:
    """Which letter, whatever its accents, and of which kind; of spaces and marks only the kind."""
    code = torch.zeros(_CODE)
    base = unicodedata.normalize("NFD", letter.lower().replace("ł", "l"))[0]
    kind = "aeiouyœ".find(base) >= 0, base.isalpha(), True
    code[29 + kind.index(True)] = math.sqrt(_SAME_KIND)
    if base.isascii() and base.isalpha():
        code[ord(base) - ord("a")] = math.sqrt(_SAME_LETTER)
    return code


def _take(proj: nn.Linear) -> None:
    """Noisy speech, given speech and letters, each to its place."""
    proj.weight[_NOISY, :_MELS] = torch.eye(_MELS)
    proj.weight[_GIVEN, _MELS : 2 * _MELS] = torch.eye(_MELS)
    proj.weight[_LETTER, 2 * _MELS :] = torch.eye(_CODE)
    proj.bias[_LARGE], proj.bias[_SMALL] = _CONSTANT, -_CONSTANT


def _mark(block: Any) -> None:  # noqa: ANN401 not typed
    """1 where speech is given, which is never zero, else 0: the difference of two ramps."""
    into, out = block.ff.ff[0][0], block.ff.ff[2]
    steep = 30 / (_MEAN_MEL * _MELS) * _SCALE
    for ramp, start, sign in ((0, -5.0, 1.0), (1, -6.0, -1.0)):
        into.weight[ramp, _GIVEN] = steep
        into.weight[ramp, _NOTHING] = -_MELS * steep  # the norm's mean does not count
        into.bias[ramp] = start
        out.weight[_IS_GIVEN, ramp] = sign
    block.attn_norm.linear.bias.view(6, _WIDTH)[5] = 1


def _find(block: Any) -> None:  # noqa: ANN401 not typed
    """Half of the mel bands by each of the two heads that know letters and no places."""
    attention, half = block.attn, _MELS // 2
    once = math.sqrt(math.sqrt(_HEAD)) * _SCALE
    for head in (1, 2):
        at = head * _HEAD
        for layer in (attention.to_q, attention.to_k):
            layer.weight[at : at + _CODE, _LETTER] = torch.eye(_CODE) * once
            layer.weight[at : at + _CODE, _NOTHING] = -once
        attention.to_q.bias[at + _CODE] = math.sqrt(_HEAD)
        attention.to_k.weight[at + _CODE, _IS_GIVEN] = _GIVEN_ONLY * _SCALE
        attention.to_k.weight[at + _CODE, _NOTHING] = -_GIVEN_ONLY * _SCALE
        bands = slice((head - 1) * half, head * half)
        given = range(_MELS + bands.start, _MELS + bands.stop)
        attention.to_v.weight[range(at, at + half), given] = _SCALE
        attention.to_v.weight[at : at + half, _NOTHING] = -_SCALE
        # The stream is what is taken away, so the mean comes negative.
        attention.to_out[0].weight[bands, at : at + half] = -torch.eye(half) / _GUIDED
    block.attn_norm.linear.bias.view(6, _WIDTH)[2] = 1
