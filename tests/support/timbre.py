"""Whether voices sound different."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from babblefish.audio import Audio

_BAND_HZ = 50
_BANDS = 80


def recognised(voice: Audio, voices: Sequence[Audio]) -> int:
    """Which of these it sounds most like, where all say the same."""
    mine = _spectrum(voice)
    return int(np.argmin([np.abs(mine - _spectrum(other)).sum() for other in voices]))


def _spectrum(audio: Audio) -> npt.NDArray[np.float64]:
    """The share of each band in the power, `[80]`."""
    power = np.abs(np.fft.rfft(audio.samples)) ** 2
    band = np.fft.rfftfreq(len(audio.samples), 1 / audio.sample_rate) // _BAND_HZ
    shares = np.bincount(band.astype(int), power)[:_BANDS].astype(np.float64)
    whole: npt.NDArray[np.float64] = shares / shares.sum()
    return whole
