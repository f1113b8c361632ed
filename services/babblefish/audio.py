"""Audio: float32 mono inside, PCM bytes only at the edges."""

import io
import struct
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

_DATA = 36  # where the data chunk of our WAV files begins
_FORM = struct.Struct("<HHIIHH")
_RATES = range(8000, 48001)
_MOST_CHUNKS = 16


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


def to_wav(audio: Audio, comment: str = "") -> bytes:
    """A RIFF/WAVE file of 16 bit PCM; the comment, ASCII, is in its metadata."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.sample_rate)
        file.writeframes(to_pcm16(audio.samples))
    wav = buffer.getvalue()
    return _commented(wav, comment) if comment else wav


def _commented(wav: bytes, comment: str) -> bytes:
    """With an INFO list between format and data (Multimedia Programming Interface 1.0, 1991)."""
    text = comment.encode("ascii") + b"\0"
    field = b"ICMT" + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2)
    info = b"LIST" + struct.pack("<I", 4 + len(field)) + b"INFO" + field
    size = struct.pack("<I", len(wav) + len(info) - 8)
    return wav[:4] + size + wav[8:_DATA] + info + wav[_DATA:]


def from_wav(wav: bytes, longest_s: float) -> Audio:
    """A RIFF/WAVE file of 16 bit PCM, mono; raises `ValueError` for every other, or a longer one.

    For what others sent: as strict as can be, and of little work whatever it holds.
    """
    chunks = _riff_chunks(wav)
    form, pcm = chunks.get(b"fmt ", b""), chunks.get(b"data")
    if len(form) < _FORM.size or pcm is None or len(pcm) % 2:
        raise ValueError("no whole WAV file")
    kind, channels, rate, _, _, bits = _FORM.unpack_from(form)
    if (kind, channels, bits) != (1, 1, 16) or rate not in _RATES:
        raise ValueError("not 16 bit PCM, mono, of a usual rate")
    if len(pcm) > 2 * rate * longest_s:
        raise ValueError(f"longer than {longest_s:g} s")
    return Audio(from_pcm16(pcm), rate)


def _riff_chunks(riff: bytes) -> dict[bytes, bytes]:
    """By name, as in Microsoft's Multimedia Programming Interface, 1991; the first of each."""
    if riff[:4] != b"RIFF" or riff[8:12] != b"WAVE":
        raise ValueError("no WAV file")
    chunks: dict[bytes, bytes] = {}
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at >= len(riff):
            return chunks
        size = int.from_bytes(riff[at + 4 : at + 8], "little")
        if at + 8 + size > len(riff):
            raise ValueError("a WAV file that is cut off")
        chunks.setdefault(riff[at : at + 4], riff[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise ValueError("a WAV file of too many parts")


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
