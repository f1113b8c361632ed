"""Whether something that was said is clean enough to clone a voice from: pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from babblefish.audio import SAMPLE_RATE, Audio, Samples

Flaw = Literal["length", "silence", "level", "clipping", "noise", "text"]

MIN_SNR_DB = 15.0
"""Under this, a cloned voice takes over the room and the hum."""

_SHORTEST_S, _LONGEST_S = 1.5, 10.0
_MIN_ACTIVITY = 0.4
_LEVEL_DB = (-45.0, -8.0)
_MAX_CLIPPED = 5e-4
_CLIPPED = 0.99
_MIN_CONFIDENCE = 0.5
"""Of what a model learns to say, more should be right than is told to people."""

_LETTERS_A_SECOND = (2.0, 30.0)
_EXCELLENT_SNR_DB = 40.0

_FRAME = SAMPLE_RATE // 50
_QUIET, _LOUD = 10, 90
_FLOOR = 1e-10
_MARGIN_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """An utterance of a voice at 16 kHz, of which `voice_s` are voice, and what was understood.

    `confidence`: of who understood it, from 0 to 1. `whole`: nothing of its sound is missing.
    """

    voice: str
    sound: Audio
    voice_s: float
    text: str
    language: str
    confidence: float = 1.0
    whole: bool = True


def flaw(said: Said) -> Flaw | None:
    """The first reason not to keep it."""
    return next((name for name, found in _FLAWS.items() if found(said)), None)


def quality(said: Said) -> float:
    """From 0 to 1: how far it is above the noise, and how much of it is voice."""
    above = (snr_db(said.sound.samples) - MIN_SNR_DB) / (_EXCELLENT_SNR_DB - MIN_SNR_DB)
    return float(0.8 * np.clip(above, 0, 1) + 0.2 * activity(said))


def activity(said: Said) -> float:
    """The share of it that is voice."""
    return min(1.0, said.voice_s / said.sound.seconds) if said.sound.seconds else 0.0


def level_db(samples: Samples) -> float:
    """How loud its loud parts are: 0 dB is a square wave of full scale."""
    return _decibel(_percentile(samples, _LOUD))


def clipped(samples: Samples) -> float:
    """The share of samples at full scale."""
    return float(np.mean(np.abs(samples) >= _CLIPPED)) if len(samples) else 0.0


def snr_db(samples: Samples) -> float:
    """How far speech is above the noise between the words.

    By the quiet and the loud frames of short-time energy, as the `stnr` of NIST's Speech Quality
    Assurance Package does; what is quieter than the samples' resolution counts as that.
    """
    quiet, loud = _percentile(samples, _QUIET), _percentile(samples, _LOUD)
    return _decibel(max(loud - quiet, 0.0)) - _decibel(quiet)


def trimmed(sound: Audio) -> Audio:
    """Without the silence around it, but for a tenth of a second."""
    samples = sound.samples
    threshold = _percentile(samples, _QUIET) ** 0.75 * _percentile(samples, _LOUD) ** 0.25
    (loud,) = np.nonzero(_energies(samples) > threshold)
    if not len(loud):
        return sound
    margin = round(_MARGIN_S * SAMPLE_RATE)
    begin, end = loud[0] * _FRAME - margin, (loud[-1] + 1) * _FRAME + margin
    return Audio(samples[max(0, begin) : end], SAMPLE_RATE)


def _bad_length(said: Said) -> bool:
    return not (said.whole and _SHORTEST_S <= said.sound.seconds <= _LONGEST_S)


def _bad_level(said: Said) -> bool:
    return not _LEVEL_DB[0] <= level_db(said.sound.samples) <= _LEVEL_DB[1]


def _bad_text(said: Said) -> bool:
    """A sentence of a recogniser that misheard is doubtful, or too long or short for the time."""
    if not said.confidence >= _MIN_CONFIDENCE:
        return True
    letters = sum(character.isalnum() for character in said.text)
    return not _LETTERS_A_SECOND[0] <= letters / said.voice_s <= _LETTERS_A_SECOND[1]


_FLAWS: dict[Flaw, Callable[[Said], bool]] = {
    "length": _bad_length,
    "silence": lambda said: activity(said) < _MIN_ACTIVITY,
    "level": _bad_level,
    "clipping": lambda said: clipped(said.sound.samples) > _MAX_CLIPPED,
    "noise": lambda said: snr_db(said.sound.samples) < MIN_SNR_DB,
    "text": _bad_text,
}


def _energies(samples: Samples) -> npt.NDArray[np.float64]:
    """The mean square of each 20 ms, `[n]`."""
    whole = samples[: len(samples) // _FRAME * _FRAME].astype(np.float64)
    energies: npt.NDArray[np.float64] = np.mean(whole.reshape(-1, _FRAME) ** 2, axis=1)
    return energies


def _percentile(samples: Samples, percent: int) -> float:
    energies = _energies(samples)
    return float(np.percentile(energies, percent)) if len(energies) else 0.0


def _decibel(power: float) -> float:
    return 10 * float(np.log10(max(power, _FLOOR)))
