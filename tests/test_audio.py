import contextlib
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


@given(pcm.filter(lambda stream: len(stream) % 2 == 0), st.sampled_from([8000, 24_000, 48_000]))
def test_a_wav_that_was_sent_is_what_it_was(stream: bytes, rate: int) -> None:
    sent = Audio(audio.from_pcm16(stream), rate)
    received = audio.from_wav(audio.to_wav(sent), longest_s=1)
    assert received.sample_rate == rate
    assert np.array_equal(received.samples, sent.samples)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_wav_are_refused(rubbish: bytes) -> None:
    with pytest.raises(ValueError, match="WAV"):
        audio.from_wav(rubbish, longest_s=1)


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_wav_with_a_wrong_byte_is_heard_or_refused_never_worse(at: int, byte: int) -> None:
    wav = bytearray(audio.to_wav(Audio(np.zeros(8, np.float32), 8000)))
    wav[min(at, len(wav) - 1)] = byte
    with contextlib.suppress(ValueError):
        assert len(audio.from_wav(bytes(wav), longest_s=1).samples) <= 8


@given(st.integers(0, 59))
def test_a_wav_that_is_cut_off_is_refused(length: int) -> None:
    wav = audio.to_wav(Audio(np.zeros(8, np.float32), 8000))
    with pytest.raises(ValueError, match="WAV"):
        audio.from_wav(wav[:length], longest_s=1)


@pytest.mark.parametrize(
    ("channels", "width", "rate"), [(2, 2, 8000), (1, 1, 8000), (1, 2, 1), (1, 2, 96_000)]
)
def test_a_wav_of_another_kind_is_refused(channels: int, width: int, rate: int) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(bytes(8))
    with pytest.raises(ValueError, match="16 bit PCM"):
        audio.from_wav(buffer.getvalue(), longest_s=1)


def test_a_wav_that_is_too_long_is_refused() -> None:
    wav = audio.to_wav(Audio(np.zeros(8001, np.float32), 8000))
    assert audio.from_wav(wav, longest_s=2).seconds > 1
    with pytest.raises(ValueError, match="longer"):
        audio.from_wav(wav, longest_s=1)


def test_a_wav_of_a_million_parts_is_little_work() -> None:
    bomb = b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 1_000_000
    with pytest.raises(ValueError, match="too many parts"):
        audio.from_wav(bomb, longest_s=1)


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=80))
def test_a_comment_is_in_the_file_and_changes_nothing_else(comment: str) -> None:
    tone = Audio(np.linspace(-1, 1, 2205, dtype=np.float32), 22050)
    marked = audio.to_wav(tone, comment)
    assert (
        b"ICMT" + len(comment.encode() + b"\0").to_bytes(4, "little") + comment.encode() in marked
    )
    assert int.from_bytes(marked[4:8], "little") == len(marked) - 8
    with wave.open(io.BytesIO(marked)) as one, wave.open(io.BytesIO(audio.to_wav(tone))) as other:
        assert one.readframes(-1) == other.readframes(-1)
    assert np.array_equal(
        audio.from_wav(marked, 1).samples, audio.from_wav(audio.to_wav(tone), 1).samples
    )


def test_pieces_of_different_rates_are_not_joined() -> None:
    piece = np.zeros(1, np.float32)
    assert len(audio.join([Audio(piece, 8000), Audio(piece, 8000)]).samples) == 2
    with pytest.raises(ValueError, match="rates"):
        audio.join([Audio(piece, 8000), Audio(piece, 16000)])
