"""Audio: float32 mono inside, PCM bytes only at the edges."""

import io
import wave
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono samples, shape `[n]`, in -1 … 1."""

SAMPLE_RATE = 16_000
"""What phones send, in Hz."""

FRAME_SAMPLES = 512
"""What voice activity detection looks at: 32 ms."""

FRAME_MS = 1000 * FRAME_SAMPLES / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound: `samples` float32 `[n]`, `sample_rate` in Hz."""

    samples: Samples
    sample_rate: int

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.samples) / self.sample_rate


def from_pcm16(pcm: bytes) -> Samples:
    """Int16 little-endian bytes (an even number of them) as samples."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0


def to_pcm16(samples: Samples) -> bytes:
    """Samples as Int16 little-endian bytes; what is out of range is clipped."""
    return bytes(np.clip(samples * 32768.0, -32768, 32767).astype("<i2").tobytes())


def to_wav(audio: Audio) -> bytes:
    """A RIFF/WAVE file of 16 bit PCM."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.sample_rate)
        file.writeframes(to_pcm16(audio.samples))
    return buffer.getvalue()


def join(parts: list[Audio]) -> Audio:
    """Pieces of one rate as one piece; raises `ValueError` for none or for mixed rates."""
    rates = {part.sample_rate for part in parts}
    if len(rates) != 1:
        raise ValueError(f"cannot join audio of sample rates {sorted(rates)}")
    return Audio(np.concatenate([part.samples for part in parts]), rates.pop())


def resample(audio: Audio, sample_rate: int) -> Audio:
    """The same at another rate, band-limited."""
    import soxr

    samples = soxr.resample(audio.samples, audio.sample_rate, sample_rate, quality="HQ")
    return Audio(np.asarray(samples, np.float32), sample_rate)


class PcmFramer:
    """Cuts one stream of PCM bytes, whatever its packets, into frames of `FRAME_SAMPLES`."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, pcm: bytes) -> list[Samples]:
        """The frames that `pcm` completes; the rest, odd bytes too, waits for more."""
        self._pending += pcm
        size = 2 * FRAME_SAMPLES
        whole = len(self._pending) // size * size
        samples = from_pcm16(bytes(self._pending[:whole]))
        del self._pending[:whole]
        return [samples[at : at + FRAME_SAMPLES] for at in range(0, len(samples), FRAME_SAMPLES)]

    def flush(self) -> list[Samples]:
        """What waits, padded with silence to a frame; nothing if nothing waits."""
        rest = bytes(self._pending[: len(self._pending) // 2 * 2])
        self._pending.clear()
        if not rest:
            return []
        frame = np.zeros(FRAME_SAMPLES, np.float32)
        frame[: len(rest) // 2] = from_pcm16(rest)
        return [frame]
