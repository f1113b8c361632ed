"""Int8 weights for CPUs: a quarter of the memory to read for every token.

Linear layers keep one scale an output channel, and quantise what comes in as it comes
(https://docs.pytorch.org/docs/stable/quantization.html, dynamic quantisation); embeddings are
looked up in float16; everything else stays as it is. Worker process only: it imports torch.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from babblefish.models import SUMS
from babblefish.translator.seamless_network import parts, skeleton
from babblefish.translator.seamless_weights import EMBEDDING, Weights

_FILE = "model.safetensors"
_SCALE = "scale"

# What torch brings differs: oneDNN takes two thirds of the time for the hundreds of rows of an
# encoder, and keeps a second copy of the weights; x86 takes less for the few of a decoder.
_FOR_MANY_ROWS = ("onednn", "x86", "qnnpack")
_FOR_FEW_ROWS = ("x86", "onednn", "qnnpack")


class Int8Linear(nn.Module):
    """`nn.Linear` with weights int8 `[out, in]` times `scale` float32 `[out]`."""

    weight = None  # transformers looks whether it is a tensor

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        zeros = torch.zeros(len(scale), dtype=torch.long)
        per_channel = torch._make_per_channel_quantized_tensor(weight, scale.double(), zeros, 0)
        self._packed = torch.ops.quantized.linear_prepack(per_channel, bias)

    def forward(self, rows: Tensor) -> Tensor:
        """float32 `[…, in]` to `[…, out]`."""
        result: Tensor = torch.ops.quantized.linear_dynamic(rows, self._packed, _narrow())
        return result


class Int8Pointwise(Int8Linear):
    """`nn.Conv1d` with a kernel of one: a linear layer across channels."""

    def forward(self, rows: Tensor) -> Tensor:
        """float32 `[batch, in, time]` to `[batch, out, time]`."""
        return super().forward(rows.transpose(1, 2).contiguous()).transpose(1, 2)


class HalfEmbedding(nn.Module):
    """`nn.Embedding` in float16, which looks up float32; only rows that are used get loaded."""

    def __init__(self, weight: Tensor, scale: float) -> None:
        super().__init__()
        self._weight = weight
        self._scale = scale

    def forward(self, ids: Tensor) -> Tensor:
        """Integers `[…]` to `[…, width]`."""
        return functional.embedding(ids, self._weight).float() * self._scale


def packed(module: nn.Module, name: str, weights: Weights) -> nn.Module | None:
    """The small form of a module, from stored weights or others; None for what has none."""
    if name.endswith("embed_tokens"):
        return HalfEmbedding(weights[f"{name}.weight"].half(), module.embed_scale)  # type: ignore[arg-type]
    if not _is_linear(module):
        return None
    weight, scale = weights[f"{name}.weight"], f"{name}.{_SCALE}"
    stored = (weight, weights[scale]) if scale in weights else _int8(weight)
    bias = weights[f"{name}.bias"] if module.bias is not None else None
    torch.backends.quantized.engine = _engine(name)
    return (Int8Pointwise if isinstance(module, nn.Conv1d) else Int8Linear)(*stored, bias)


def quantise(source: Path, target: Path) -> None:
    """Writes the checkpoint in `source` to the new folder `target` as int8, with checksums.

    Takes about 6 GB of memory for the large model, and replaces what is in `target`.
    """
    weights = Weights(source)
    tensors = dict(_stored(source, weights))
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for path in source.iterdir():
        if path.suffix in {".json", ".model"} and "safetensors" not in path.name:
            shutil.copyfile(path, partial / path.name)
    save_file(tensors, partial / _FILE, metadata={"format": "pt"})
    (partial / _FILE).chmod(0o644)  # safetensors would keep it to this user
    sums = [f"{_sha256(path)}  {path.name}\n" for path in sorted(partial.iterdir())]
    (partial / SUMS).write_text("".join(sums))
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def _stored(source: Path, weights: Weights) -> Iterator[tuple[str, Tensor]]:
    yield EMBEDDING, weights[EMBEDDING].half()
    for name, module in parts(skeleton(source, weights)):
        if name.endswith("embed_tokens"):
            continue
        for key, _ in module.named_parameters(recurse=False):
            if key == "weight" and _is_linear(module):
                weight, scale = _int8(weights[f"{name}.weight"])
                yield from ((f"{name}.weight", weight), (f"{name}.{_SCALE}", scale))
            else:
                yield f"{name}.{key}", weights[f"{name}.{key}"].clone()


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (
        isinstance(module, nn.Conv1d) and module.kernel_size == (1,)
    )


def _int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """`weight` `[out, in]` or `[out, in, 1]` as int8, and what to multiply each row with."""
    rows = weight.flatten(1).float()
    scale = (rows.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    return (rows / scale[:, None]).round().to(torch.int8), scale


def _engine(name: str) -> str:
    """Which of torch's implementations packs the layer, and so computes it."""
    wanted = _FOR_MANY_ROWS if name.startswith("speech_encoder.") else _FOR_FEW_ROWS
    return next(name for name in wanted if name in torch.backends.quantized.supported_engines)


def _narrow() -> bool:
    """Without VNNI, sums of 8 bit products overflow 16 bits: then inputs get 7 bits."""
    return not torch.cpu._is_vnni_supported()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
