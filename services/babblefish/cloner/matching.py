"""Cloned speech, checked and made to sound like the stock speech that it stands for: pure.

Nothing here knows voices. It knows what speech of a text can be: how long, how loud, how whole.
"""

from dataclasses import dataclass

import numpy as np

from babblefish.audio import Audio, Samples, from_wav

MARK = "Synthetic speech in a cloned voice (trainedAlgorithmicMedia)"
"""What the audio's metadata says of it, by IPTC's name of that digital source type."""

MAX_SECONDS = 60.0

_RATES = range(8_000, 48_001)
_FRAME_S = 0.02
_AUDIBLE = 1e-3  # −60 dBFS: what is softer is silence
_GATE = 1e-2  # 40 dB under the loudest frame
_SHOUTED = 0.5  # −6 dBFS over all frames with speech: nothing that speaks is so loud
_LARGEST_GAIN = 10.0
_PEAK = 0.99
_MAX_CLIPPED = 0.01
_MAX_OFFSET = 0.25  # of the level
_FADE_S = 0.005


class Implausible(Exception):
    """No speech of that text; `reason` is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Speech:
    """Where it is loud enough to be speech, from sample to sample, and how loud it is there."""

    start: int
    end: int
    level: float


def decoded(wav: bytes) -> Audio:
    """Raises `Implausible` for what is no WAV file of ours."""
    try:
        return from_wav(wav, MAX_SECONDS)
    except ValueError:
        raise Implausible("format") from None


def check(audio: Audio, text: str) -> None:
    """Raises `Implausible` unless this can be `text`, spoken.

    Lengths are in UTF-8 bytes, by which F5-TTS itself plans: slower than 2 a second or faster than
    100 speaks nobody, in any script.
    """
    if audio.sample_rate not in _RATES:
        raise Implausible("rate")
    bytes_ = len(text.encode())
    if not 0.01 * bytes_ <= audio.seconds <= min(MAX_SECONDS, 2 + 0.5 * bytes_):
        raise Implausible("length")
    if not np.isfinite(audio.samples).all():
        raise Implausible("broken")
    speech = _speech(audio)
    if speech is None:
        raise Implausible("silent")
    if np.mean(np.abs(audio.samples) >= _PEAK) > _MAX_CLIPPED:
        raise Implausible("clipped")
    if abs(float(np.mean(audio.samples))) > _MAX_OFFSET * speech.level:
        raise Implausible("offset")
    if speech.level > _SHOUTED:
        raise Implausible("loud")


def matched(clone: Audio, stock: Audio) -> Audio:
    """The clone as loud as the stock speech, with as much silence around it.

    Raises `Implausible` where the two cannot be one sentence. Stock speech that is silent says
    nothing of how it should be.
    """
    mine, theirs = _speech(clone), _speech(stock)
    if mine is None:
        raise Implausible("silent")
    if theirs is None:
        return clone
    seconds = (mine.end - mine.start) / clone.sample_rate
    expected = (theirs.end - theirs.start) / stock.sample_rate
    if not expected / 4 - 1 <= seconds <= expected * 4 + 1:
        raise Implausible("length")
    spoken = _faded(clone.samples[mine.start : mine.end], round(_FADE_S * clone.sample_rate))
    gain = min(theirs.level / mine.level, _LARGEST_GAIN, _PEAK / float(np.abs(spoken).max()))
    scale = clone.sample_rate / stock.sample_rate
    before, after = theirs.start, len(stock.samples) - theirs.end
    padded = np.pad(spoken * np.float32(gain), (round(before * scale), round(after * scale)))
    return Audio(padded, clone.sample_rate)


def _speech(audio: Audio) -> _Speech | None:
    """None in silence.

    The level is the RMS of the frames above a relative gate, as in ITU-R BS.1770, unweighted: both
    sides are speech of the same words.
    """
    size = max(1, round(_FRAME_S * audio.sample_rate))
    frames = np.pad(audio.samples, (0, -len(audio.samples) % size)).reshape(-1, size)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    gate = max(_AUDIBLE**2, _GATE**2 * power.max(initial=0.0))
    loud = np.flatnonzero(power > gate)
    if not loud.size:
        return None
    start, end = int(loud[0]) * size, min(len(audio.samples), (int(loud[-1]) + 1) * size)
    return _Speech(start, end, float(np.sqrt(power[loud].mean())))


def _faded(samples: Samples, length: int) -> Samples:
    """Cut speech clicks where it begins and ends in mid-wave."""
    length = min(length, len(samples) // 2)
    ramp = np.linspace(0, 1, length, dtype=np.float32)
    faded = samples.copy()
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded
