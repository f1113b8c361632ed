"""Checkpoints with something missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors.numpy import load_file, save_file


def without(lost: Callable[[str], bool], checkpoint: Path, target: Path) -> Path:
    """A copy of a checkpoint, as the new folder `target`, that lacks some of its tensors."""
    shutil.copytree(checkpoint, target)
    tensors = load_file(checkpoint / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not lost(name)}
    save_file(kept, target / "model.safetensors")
    return target


def of_text_encoder(name: str) -> bool:
    """Whether a checkpoint can do without that tensor, if it is only spoken to."""
    return name.startswith("text_encoder.")
