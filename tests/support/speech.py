"""Recorded human speech from Debian packages, as 16 kHz samples."""

import wave
from pathlib import Path

import numpy as np
import soxr

from babblefish.audio import SAMPLE_RATE, Samples, from_pcm16

_POCKETSPHINX = Path("/usr/share/pocketsphinx/test/data")
_ALSA = Path("/usr/share/sounds/alsa")


def utterance(samples: Samples, lead_s: float = 0.2) -> Samples:
    """The clip from shortly before the first voice on, as an endpointer hands it over."""
    loud = np.flatnonzero(np.abs(samples) > 0.15 * np.abs(samples).max())
    return samples[max(0, loud[0] - round(lead_s * SAMPLE_RATE)) :]


def go_forward() -> Samples:
    """“go forward ten meters”, 2.8 s."""
    return _raw("goforward.raw")


def go_somewhere() -> Samples:
    """“go somewhere and do something”, 3.0 s."""
    return _raw("something.raw")


def numbers() -> Samples:
    """“thirty three four or six ninety two”, 4.0 s."""
    return _raw("numbers.raw")


def front_center() -> Samples:
    """“front center”, 1.4 s, another voice."""
    return _wav(_ALSA / "Front_Center.wav")


def librivox(number: str) -> Samples:
    """A sentence of Sense and Sensibility, read by a volunteer."""
    return _wav(_POCKETSPHINX / f"librivox/sense_and_sensibility_01_austen_64kb-{number}.wav")


def silence(seconds: float) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def _raw(name: str) -> Samples:
    return from_pcm16((_POCKETSPHINX / name).read_bytes())


def _wav(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        samples = from_pcm16(file.readframes(file.getnframes()))
        mono = samples.reshape(-1, file.getnchannels())[:, 0]
        resampled = soxr.resample(mono, file.getframerate(), SAMPLE_RATE)
    return np.asarray(resampled, np.float32)
