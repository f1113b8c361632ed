"""What lies between a mouth and the translator: rooms, microphones, a cut too early."""

import numpy as np

from babblefish.audio import SAMPLE_RATE, Samples

_EARLY_S = 0.03
_LEAD_S = 0.5
_TRAIL_S = 0.9


def with_noise(speech: Samples, noise: Samples, snr_db: float) -> Samples:
    """`noise` (at least as long) under the speech, so much weaker than it."""
    under = noise[: len(speech)]
    scale = np.sqrt(np.mean(speech**2) / np.mean(under**2)) * 10 ** (-snr_db / 20)
    return np.asarray(speech + scale * under, np.float32)


def white(count: int, rng: np.random.Generator) -> Samples:
    """A fan."""
    return rng.standard_normal(count).astype(np.float32)


def pink(count: int, rng: np.random.Generator) -> Samples:
    """Traffic: as loud in every octave."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum /= np.maximum(1, np.sqrt(np.arange(len(spectrum))))
    return np.fft.irfft(spectrum, count).astype(np.float32)


def babble(count: int, rng: np.random.Generator, others: list[Samples]) -> Samples:
    """Six people talking behind."""
    chosen = rng.choice(len(others), 6)
    voices = (np.roll(np.resize(others[i], count), rng.integers(count)) for i in chosen)
    return np.asarray(sum(voices), np.float32)


def as_heard(speech: Samples, rng: np.random.Generator, others: list[Samples]) -> Samples:
    """One of the many ways in which this speech arrives."""
    heard = speech[rng.integers(round(_EARLY_S * SAMPLE_RATE)) :]
    if rng.random() < 0.25:
        heard = _muffled(heard, rng.uniform(3400, 7000))
    if rng.random() < 0.75:
        pads = (rng.uniform(0, s) for s in (_LEAD_S, _TRAIL_S))
        heard = np.pad(heard, tuple(round(s * SAMPLE_RATE) for s in pads))
    snr_db = rng.uniform(10, 30) if rng.random() < 0.6 else rng.uniform(30, 70)
    return with_noise(heard, _some_noise(len(heard), rng, others), snr_db)


def _some_noise(count: int, rng: np.random.Generator, others: list[Samples]) -> Samples:
    match rng.integers(3):
        case 0:
            return white(count, rng)
        case 1:
            return pink(count, rng)
        case _:
            return babble(count, rng, others)


def _muffled(speech: Samples, above_hz: float) -> Samples:
    spectrum = np.fft.rfft(speech)
    spectrum[round(above_hz * len(speech) / SAMPLE_RATE) :] = 0
    return np.fft.irfft(spectrum, len(speech)).astype(np.float32)
