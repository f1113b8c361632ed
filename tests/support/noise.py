"""What a microphone hears when nobody speaks, synthesised from a seed."""

from collections.abc import Callable

import numpy as np

from babblefish.audio import SAMPLE_RATE, Samples


def silence(seconds: float, _: np.random.Generator) -> Samples:
    """Nothing at all."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def white(seconds: float, rng: np.random.Generator) -> Samples:
    """A fan."""
    return (rng.standard_normal(round(seconds * SAMPLE_RATE)) * 0.1).astype(np.float32)


def pink(seconds: float, rng: np.random.Generator) -> Samples:
    """Rain, traffic: as loud in every octave."""
    count = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum /= np.maximum(1, np.sqrt(np.arange(len(spectrum))))
    return _scaled(np.fft.irfft(spectrum, count), 0.5)


def coughs(seconds: float, rng: np.random.Generator) -> Samples:
    """Fits of one to three coughs: a burst of breath, then a short voiced tail."""
    heard = rng.standard_normal(round(seconds * SAMPLE_RATE)) * 0.001
    at = 0.5
    while at < seconds - 2:
        for _ in range(rng.integers(1, 4)):
            _mix(heard, _cough(rng), at)
            at += rng.uniform(0.35, 0.7)
        at += rng.uniform(1, 3)
    return heard.astype(np.float32)


def music(seconds: float, rng: np.random.Generator) -> Samples:
    """Chords, a melody with vibrato, a drum: two beats a second."""
    heard = np.zeros(round(seconds * SAMPLE_RATE))
    scale = 261.6 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    for beat in range(int(2 * seconds)):
        root = scale[[0, 5, 3, 4][beat // 4 % 4]] / 2
        for interval in (1, 1.25, 1.5):
            _mix(heard, 0.15 * _tone(root * interval, 5, 1.0, 2.5, 0.0), beat / 2)
        _mix(heard, 0.3 * _tone(scale[rng.integers(8)], 9, 1.3, 1.5, 0.01), beat / 2)
        drum = rng.standard_normal(800) * np.exp(-np.arange(800) / 150) * 0.3
        _mix(heard, drum, beat / 2)
    return _scaled(heard, 0.6)


Wave = np.ndarray[tuple[int], np.dtype[np.float64]]

KINDS: dict[str, Callable[[float, np.random.Generator], Samples]] = {
    "silence": silence,
    "white noise": white,
    "pink noise": pink,
    "coughs": coughs,
    "music": music,
}


def _cough(rng: np.random.Generator) -> Wave:
    seconds = rng.uniform(0.25, 0.5)
    time = np.arange(int(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    band = (rng.uniform(300, 600), rng.uniform(2500, 5000))
    breath = _through(rng.standard_normal(len(time)), *band, order=2)
    breath *= np.exp(-time * rng.uniform(8, 15))
    pitch = rng.uniform(150, 350) * (1 - 0.3 * time / seconds)
    tail = 2 * (np.cumsum(pitch) / SAMPLE_RATE % 1) - 1
    tail *= np.exp(-(((time - 0.2) / 0.08) ** 2))
    for formant, width in ((600, 100), (1100, 150), (2500, 200)):
        tail = tail + _through(tail, formant - width / 2, formant + width / 2, order=1)
    mixed = breath / np.abs(breath).max() + 0.4 * tail / np.abs(tail).max()
    return np.asarray(rng.uniform(0.2, 0.9) * mixed / np.abs(mixed).max())


def _through(sound: Wave, low: float, high: float, order: int) -> Wave:
    """What a band lets pass, as loud as Butterworth's filter leaves it (1930), on time."""
    spectrum, pitch = np.fft.rfft(sound), np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    pitch[0] = pitch[1]  # no band begins so low
    beside = (pitch**2 - low * high) / (pitch * (high - low))
    return np.fft.irfft(spectrum / np.sqrt(1 + beside ** (2 * order)), len(sound))


def _tone(pitch: float, harmonics: int, slope: float, decay: float, vibrato: float) -> Wave:
    time = np.arange(int(0.6 * SAMPLE_RATE)) / SAMPLE_RATE
    wobble = 1 + vibrato * np.sin(2 * np.pi * 5.5 * time)
    phase = 2 * np.pi * np.cumsum(pitch * wobble) / SAMPLE_RATE
    wave = sum(np.sin(phase * n) / n**slope for n in range(1, harmonics + 1))
    return np.asarray(wave * np.minimum(1, time / 0.03) * np.exp(-decay * time))


def _mix(
    heard: Wave,
    sound: Wave,
    at: float,
) -> None:
    start = int(at * SAMPLE_RATE)
    part = sound[: max(0, len(heard) - start)]
    heard[start : start + len(part)] += part


def _scaled(heard: Wave, peak: float) -> Samples:
    return np.asarray(heard / np.abs(heard).max() * peak, np.float32)
