"""A reference as F5 wants it: 24 kHz, not too soft, without silence around it, 12 s at most."""

from typing import NamedTuple

import numpy as np

from babblefish.audio import Audio, Samples, resample

SAMPLE_RATE = 24_000
LONGEST_S = 12.0
SHORTEST_S = 0.5

_LOUDNESS = 0.1
_EDGE = 10 ** (-42 / 20)
_TAIL_S = 0.05
_ENDS = (".", "。", "!", "?", "…")


class Prompt(NamedTuple):
    """What F5 reads on from."""

    samples: Samples
    text: str
    softer: float
    """By how much the person speaks softer than this."""


def prompt(audio: Audio, text: str) -> Prompt:
    """Raises `ValueError` where there is no speech, or no text to it."""
    heard = _trimmed(resample(audio, SAMPLE_RATE).samples)
    if len(heard) < SHORTEST_S * SAMPLE_RATE or not text.strip():
        raise ValueError("a reference without speech or text")
    kept = heard[: round(LONGEST_S * SAMPLE_RATE)]
    said = _ended(_share(text, len(kept) / len(heard)))
    rms = float(np.sqrt(np.mean(np.square(kept, dtype=np.float64))))
    softer = min(1.0, rms / _LOUDNESS)
    louder = np.pad(kept / np.float32(softer), (0, round(_TAIL_S * SAMPLE_RATE)))
    return Prompt(louder.astype(np.float32), said, softer)


def _trimmed(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > _EDGE * np.abs(samples).max(initial=0.0))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def _share(text: str, share: float) -> str:
    """Its first words, about as many as were heard: F5 must not hear less than it reads."""
    words = text.split()
    return " ".join(words[: max(1, int(len(words) * share))])


def _ended(text: str) -> str:
    """With an end and a space, so that it does not go on in the middle of a sentence."""
    return f"{text} " if text.endswith(_ENDS) else f"{text}. "
