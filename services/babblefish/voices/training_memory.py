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
_LEARNT = 20
"""Bytes for each weight that learns: itself, gradient, both of Adam's moments, and its mean."""
_KEPT = 20
"""Values a frame, a layer and a unit of width that are kept for the way back."""
_BASE = 1 << 30
"""What Python, torch and f5-tts themselves need."""


class DoesNotFit(BabbleFishError):
    """A fine-tune needs more memory than there is."""


class Estimate(NamedTuple):
    """Bytes: of an adapter, and of all weights that one changes."""

    adapter: int
    full: int

    def of(self, *, full: bool) -> int:
        """The one or the other."""
        return self.full if full else self.adapter


def estimate(architecture: Architecture, letters: int) -> Estimate:
    """Of a fine-tune with batches of `FRAMES`."""
    weights = parameters(architecture, letters)
    activations = _KEPT * _WEIGHT * FRAMES * architecture.depth * architecture.dim
    fixed = _BASE + _WEIGHT * weights + activations
    return Estimate(
        fixed + _LEARNT * adapter_parameters(architecture),
        fixed + _LEARNT * adapted_parameters(architecture),
    )


def parameters(architecture: Architecture, letters: int) -> int:
    """About how many the network has: the modulation, attention and two layers of each block."""
    a = architecture
    inner = a.heads * a.dim_head
    block = 6 * a.dim**2 + 4 * a.dim * inner + 2 * a.ff_mult * a.dim**2
    text = letters * a.text_dim + a.conv_layers * 4 * a.text_dim**2
    around = 31 * 2 * a.dim**2 // 16 + 4 * a.dim**2 + (300 + a.text_dim) * a.dim
    return a.depth * block + text + around


def adapted_parameters(architecture: Architecture) -> int:
    """How many there are in the layers that an adapter changes."""
    a = architecture
    return a.depth * (4 * a.dim * a.heads * a.dim_head + 2 * a.ff_mult * a.dim**2)


def adapter_parameters(architecture: Architecture) -> int:
    """How many an adapter has."""
    a = architecture
    inner = a.heads * a.dim_head
    return a.depth * RANK * (4 * (a.dim + inner) + 2 * (1 + a.ff_mult) * a.dim)


def check(needed: Estimate, free: int, *, full: bool = False) -> None:
    """Raises `DoesNotFit`, which says what would."""
    if needed.of(full=full) <= free:
        return
    learning = "all weights" if full else "an adapter"
    smaller = "Leave --full away, or run" if full and needed.adapter <= free else "Run"
    raise DoesNotFit(
        f"A fine-tune of {learning} needs about {_gb(needed.of(full=full))} of memory, and "
        f"{_gb(free)} are free (an adapter: {_gb(needed.adapter)}, "
        f"all weights: {_gb(needed.full)}).",
        f"{smaller} it where there is more: as a Job on the server, `training` in the chart.",
    )


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
