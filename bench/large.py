"""SeamlessM4T v2 large with random weights: as big and as slow as the real one, and as mute."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import GenerationConfig, SeamlessM4Tv2Config
from transformers.models.seamless_m4t_v2 import modeling_seamless_m4t_v2 as layers

from babblefish.translator.quantised import quantise

_HOME = Path("~/.cache/babblefish/bench").expanduser()
_MICRO = Path(__file__).parents[1] / "tests/micro/checkpoints/seamless-m4t-v2-large"
_SEED = 7


def checkpoint(languages: Sequence[str]) -> Path:
    """8 GB, made once."""
    return _once("seamless", lambda folder: _build(folder, languages))


def quantised(languages: Sequence[str]) -> Path:
    """The same as int8, made once."""
    return _once("seamless-int8", lambda folder: quantise(checkpoint(languages), folder))


def _once(name: str, build: Callable[[Path], None]) -> Path:
    folder = _HOME / name
    if not folder.is_dir():
        partial = _HOME / f"{name}.new"
        shutil.rmtree(partial, ignore_errors=True)
        build(partial)
        partial.rename(folder)
    return folder


def _build(folder: Path, languages: Sequence[str]) -> None:
    folder.mkdir(parents=True)
    torch.manual_seed(_SEED)
    config = SeamlessM4Tv2Config()
    config.save_pretrained(folder)
    codes = {code: 256_000 + number for number, code in enumerate(languages)}
    GenerationConfig(  # type: ignore[no-untyped-call]
        decoder_start_token_id=3,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
        text_decoder_lang_to_code_id=codes,
    ).save_pretrained(folder)
    for path in [*_MICRO.glob("token*"), *_MICRO.glob("*.model"), *_MICRO.glob("pre*")]:
        shutil.copyfile(path, folder / path.name)
    files: dict[str, str] = {}
    for name, part in _parts(config).items():
        tensors = {
            f"{name}.{key}": _random(tensor)
            for key, tensor in part.state_dict().items()
            if not key.startswith("embed_tokens")
        }
        save_file(tensors, folder / f"{name}.safetensors", metadata={"format": "pt"})
        files |= dict.fromkeys(tensors, f"{name}.safetensors")
    index = json.dumps({"metadata": {}, "weight_map": files})
    (folder / "model.safetensors.index.json").write_text(index)


def _parts(config: SeamlessM4Tv2Config) -> dict[str, nn.Module]:
    with torch.device("meta"):
        return {
            "shared": nn.Embedding(config.vocab_size, config.hidden_size),
            "speech_encoder": layers.SeamlessM4Tv2SpeechEncoder(config),
            "text_encoder": layers.SeamlessM4Tv2Encoder(config),
            "text_decoder": layers.SeamlessM4Tv2Decoder(config),
        }


def _random(like: torch.Tensor) -> torch.Tensor:
    """Matrices as trained ones are at their start; norms that change nothing."""
    if like.dim() < 2:
        return torch.ones(like.shape)
    return torch.empty(like.shape).normal_(0, 0.02)
