import io
import itertools
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish import audio
from babblefish.audio import FRAME_SAMPLES, Audio, PcmFramer

pcm = st.binary(max_size=4 * 2 * FRAME_SAMPLES)


@given(pcm, st.lists(st.integers(0, 4 * 2 * FRAME_SAMPLES), max_size=20))
def test_frames_do_not_depend_on_packets(stream: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    framer = PcmFramer()
    frames = [
        frame
        for start, end in itertools.pairwise(bounds)
        for frame in framer.feed(stream[start:end])
    ]
    whole = PcmFramer().feed(stream)
    assert len(frames) == len(stream) // (2 * FRAME_SAMPLES)
    assert all(np.array_equal(one, other) for one, other in zip(frames, whole, strict=True))


@given(pcm)
def test_flush_pads_what_waits_with_silence(stream: bytes) -> None:
    framer = PcmFramer()
    frames = framer.feed(stream) + framer.flush()
    heard = b"".join(audio.to_pcm16(frame) for frame in frames)
    even = stream[: len(stream) // 2 * 2]
    assert heard[: len(even)] == even
    assert not any(heard[len(even) :])
    assert framer.flush() == []


@given(pcm.filter(lambda stream: len(stream) % 2 == 0))
def test_pcm_survives_the_way_in_and_out(stream: bytes) -> None:
    assert audio.to_pcm16(audio.from_pcm16(stream)) == stream


def test_what_is_too_loud_is_clipped_not_wrapped() -> None:
    loud = audio.from_pcm16(audio.to_pcm16(np.array([2.0, -2.0], np.float32)))
    assert loud == pytest.approx([1, -1], abs=1e-4)


def test_wav_is_what_other_programs_read() -> None:
    tone = Audio(np.linspace(-1, 1, 2205, dtype=np.float32), 22050)
    with wave.open(io.BytesIO(audio.to_wav(tone))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22050)
        assert file.getnframes() / file.getframerate() == pytest.approx(tone.seconds)


def test_pieces_of_different_rates_are_not_joined() -> None:
    piece = np.zeros(1, np.float32)
    assert len(audio.join([Audio(piece, 8000), Audio(piece, 8000)]).samples) == 2
    with pytest.raises(ValueError, match="rates"):
        audio.join([Audio(piece, 8000), Audio(piece, 16000)])
