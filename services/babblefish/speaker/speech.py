"""The part of an utterance that a voice is told by."""

import numpy as np

from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.errors import StageDown
from babblefish.speaker.base import NoVoice

_LEAST_S = 0.5
_USEFUL_S = 10
_MOST_S = 120
_SILENT = 3e-4
"""Root mean square, -70 dB: phones' microphones are louder."""


def useful(speech: Samples) -> Samples:
    """Ten seconds at most: more makes no better voiceprint, only a later one.

    Raises `NoVoice` for silence and for less than half a second, `StageError` for what is no
    utterance.
    """
    if speech.ndim != 1 or len(speech) > _MOST_S * SAMPLE_RATE:
        raise StageDown("That is no utterance.", f"At most {_MOST_S} s, of one channel.")
    heard = speech[: _USEFUL_S * SAMPLE_RATE]
    if not np.isfinite(heard).all():
        raise StageDown("That is no sound.", "Samples are between -1 and 1.")
    if len(heard) < _LEAST_S * SAMPLE_RATE or np.sqrt(np.mean(heard**2)) < _SILENT:
        raise NoVoice("Too little was said to know the voice.", "Speak for a second.")
    return heard
