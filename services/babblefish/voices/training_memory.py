"""Whether a fine-tune fits into memory, estimated before it begins: pure."""

from typing import NamedTuple

from babblefish.cloner.f5_checkpoints import Architecture
from babblefish.errors import BabbleFishError

RANK = 8
"""Of an adapter: what is enough for a voice."""

FRAMES = 1200
"""Of mel in a batch: 13 s."""

_WEIGHT = 4
"""Bytes: single precision, as half loses what a small step changes."""
_LEARNT = 16
"""Bytes beside each weight that learns: gradient, both of Adam's moments, and the mean of it."""
_KEPT = 20
"""Values a frame, a layer and a unit of width that are kept for the way back."""
_BASE = 1 << 30
"""What Python, torch and f5-tts themselves need."""


class DoesNotFit(BabbleFishError):
    """A fine-tune needs more memory than there is."""


class Estimate(NamedTuple):
    """Bytes."""

    adapter: int
    full: int


def estimate(architecture: Architecture, letters: int) -> Estimate:
    """Of a fine-tune with batches of `FRAMES`."""
    weights = parameters(architecture, letters)
    activations = _KEPT * _WEIGHT * FRAMES * architecture.depth * architecture.dim
    fixed = _BASE + _WEIGHT * weights + activations
    return Estimate(
        fixed + (_WEIGHT + _LEARNT) * adapter_parameters(architecture),
        fixed + _LEARNT * weights,
    )


def parameters(architecture: Architecture, letters: int) -> int:
    """About how many the network has: the modulation, attention and two layers of each block."""
    a = architecture
    inner = a.heads * a.dim_head
    block = 6 * a.dim**2 + 4 * a.dim * inner + 2 * a.ff_mult * a.dim**2
    text = letters * a.text_dim + a.conv_layers * 4 * a.text_dim**2
    around = 31 * 2 * a.dim**2 // 16 + 4 * a.dim**2 + (300 + a.text_dim) * a.dim
    return a.depth * block + text + around


def adapter_parameters(architecture: Architecture) -> int:
    """How many an adapter has."""
    a = architecture
    inner = a.heads * a.dim_head
    return a.depth * RANK * (4 * (a.dim + inner) + 2 * (1 + a.ff_mult) * a.dim)


def check(needed: Estimate, free: int) -> None:
    """Raises `DoesNotFit`, which says what would."""
    if needed.adapter > free:
        raise DoesNotFit(
            f"This fine-tune needs about {_gb(needed.adapter)} of memory, "
            f"and {_gb(free)} are free (all weights instead of an adapter: {_gb(needed.full)}).",
            "Run it on a machine with more, for instance as a Job on the server.",
        )


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
