"""Recordings of which it is known who speaks, as calibration takes them."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from babblefish.audio import SAMPLE_RATE, Audio, Samples, from_pcm16, resample
from babblefish.errors import SettingsError

_MOST_FILES = 2000
_MOST_S = 3600
_RTTM_FIELDS = 9


class Recording(NamedTuple):
    """What somebody says, 16 kHz; or why a file is none."""

    speaker: str
    name: str
    speech: Samples
    skipped: str = ""


def recordings(source: Path) -> Iterator[Recording]:
    """`source/<speaker>/*.wav`, or of one WAV file each turn that the RTTM file beside it names.

    RTTM is that of NIST's Rich Transcription (2009, appendix A). Raises `SettingsError` for what
    is neither.
    """
    labels = source.with_suffix(".rttm")
    if source.is_dir():
        return _of_folder(source)
    if source.is_file() and labels.is_file():
        return _of_turns(source, labels)
    raise SettingsError(
        f"There is no folder {str(source)!r}.",
        "Name one with a folder of WAV files for each person, or a WAV with an RTTM beside it.",
    )


def _of_folder(folder: Path) -> Iterator[Recording]:
    for file in sorted(folder.glob("*/*.wav"))[:_MOST_FILES]:
        yield _recording(file.parent.name, file)


def _recording(speaker: str, file: Path) -> Recording:
    name = f"{speaker}/{file.name}"
    try:
        return Recording(speaker, name, _read(file))
    except _Unreadable as error:
        return Recording(speaker, name, np.zeros(0, np.float32), str(error))


def _of_turns(file: Path, labels: Path) -> Iterator[Recording]:
    try:
        speech = _read(file)
        turns = list(_turns(labels.read_text(errors="replace")))
    except (_Unreadable, OSError, ValueError, OverflowError) as error:
        raise SettingsError(f"{file.name!r} cannot be used: {error}.", "Use another.") from error
    for first, last, speaker in turns[:_MOST_FILES]:
        name = f"{file.name} at {first / SAMPLE_RATE:.1f} s"
        yield Recording(speaker, name, speech[first:last])


def _turns(rttm: str) -> Iterator[tuple[int, int, str]]:
    """The first sample, the one after the last, and who."""
    for line in rttm.splitlines():
        fields = line.split()
        if len(fields) >= _RTTM_FIELDS and fields[0] == "SPEAKER":
            start, seconds = float(fields[3]), float(fields[4])
            first, last = (round(at * SAMPLE_RATE) for at in (start, start + seconds))
            yield max(0, first), max(0, last), fields[7]


class _Unreadable(Exception):
    """Why; goes on after the file's name."""


def _read(file: Path) -> Samples:
    """The first channel."""
    try:
        with wave.open(str(file)) as opened:
            rate, count = opened.getframerate(), opened.getnframes()
            if opened.getsampwidth() != 2:
                raise _Unreadable("is not of 16 bits")
            if not 0 < count <= _MOST_S * rate:
                raise _Unreadable("is empty, or longer than an hour")
            heard = from_pcm16(opened.readframes(count)).reshape(count, -1)[:, 0]
    except (OSError, EOFError, ValueError, wave.Error) as error:
        raise _Unreadable("is no WAV file") from error
    return resample(Audio(heard, rate), SAMPLE_RATE).samples
