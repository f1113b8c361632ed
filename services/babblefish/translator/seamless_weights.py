"""A checkpoint's tensors, read when asked for. Worker process only: it imports torch."""

from functools import cached_property
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from babblefish.translator.seamless_checkpoint import tensors

EMBEDDING = "shared.weight"
TIED = (
    EMBEDDING,
    "text_decoder.embed_tokens.weight",
    "text_encoder.embed_tokens.weight",
    "lm_head.weight",
)
"""Names of one tensor, which checkpoints keep once, under any of them."""


class Weights:
    """The tensors of a folder's safetensors files, by name."""

    def __init__(self, folder: Path) -> None:
        self._files = tensors(folder)

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def __getitem__(self, name: str) -> Tensor:
        """Mapped from the file, not copied; raises `KeyError` for what the checkpoint lacks."""
        return self._embedding if name in TIED and name not in self._files else self._read(name)

    @cached_property
    def _embedding(self) -> Tensor:
        return self._read(next((name for name in TIED if name in self._files), EMBEDDING))

    def _read(self, name: str) -> Tensor:
        # Opened anew, a file is unmapped with its tensor: its pages don't pile up while loading.
        with safe_open(self._files[name], framework="pt") as file:
            tensor: Tensor = file.get_tensor(name)
        return tensor
