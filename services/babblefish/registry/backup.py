"""Voices as one file: JSON, the prints as base64 of little-endian float32. No pickle: whoever can
write the file must not get more than wrong names.

No consent is in it, and nothing that was collected by one: who comes to another machine is asked
again there.
"""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from babblefish.errors import BabbleFishError
from babblefish.people import Speaker
from babblefish.protocol import MAX_NAME, Refusal, clean
from babblefish.registry.identity import MAX_SPEAKERS, Voice
from babblefish.registry.kept import Kept, SessionKey
from babblefish.speaker.base import Voiceprint

MAX_BYTES = 64 << 20

_MAX_DIMENSIONS = 4096
_UNIT = 1e-3

_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
_Line = Annotated[str, Meta(max_length=200, pattern=r"^[!-~]*$")]
_Count = Annotated[int, Meta(ge=0, le=1 << 31)]
_Seconds = Annotated[float, Meta(ge=0, le=1e10)]
_Print = Annotated[bytes, Meta(min_length=4, max_length=4 * _MAX_DIMENSIONS)]


class BackupRefused(BabbleFishError):
    """A file that is no backup of voices, or cannot be read or written."""


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    session: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    uid: _Line
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,64}$")]
    name: _Name
    number: _Count
    model: _Line
    enrolment: _Print
    centroid: _Print
    weight: _Seconds
    utterances: _Count
    seconds: _Seconds
    heard_at: _Seconds


class _Backup(Struct, frozen=True, forbid_unknown_fields=True):
    voices: Annotated[list[_Entry], Meta(max_length=100 * MAX_SPEAKERS)]
    format: Literal["babblefish speakers"] = "babblefish speakers"
    version: Literal[1] = 1


def packed(voices: list[Kept]) -> bytes:
    """The voices as a backup."""
    return msgspec.json.encode(_Backup([_entry(kept) for kept in voices]))


def unpacked(content: bytes) -> list[Kept]:
    """The voices of a backup, every value checked; raises `BackupRefused`."""
    try:
        entries = msgspec.json.decode(content, type=_Backup).voices
        voices = [_kept(entry) for entry in entries]
        _check_together(voices)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise BackupRefused(
            f"This is no backup of voices: {error}.", "Name a file that `export` made."
        ) from None
    return voices


def write(path: Path, voices: list[Kept]) -> None:
    """A new file that nobody else can read; raises `BackupRefused`."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupRefused(
            f"{str(path)!r} cannot be made: {error.strerror}.", "Name another file."
        ) from error
    with os.fdopen(file, "wb") as opened:
        opened.write(packed(voices))


def read(path: Path) -> list[Kept]:
    """The voices in a file; raises `BackupRefused`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BackupRefused(
            f"{str(path)!r} cannot be read: {error.strerror}.", "Name another file."
        ) from error
    if len(content) > MAX_BYTES:
        raise BackupRefused(
            f"{str(path)!r} is larger than {MAX_BYTES >> 20} MiB: no backup is.",
            "Name a file that `export` made.",
        )
    return unpacked(content)


def _entry(kept: Kept) -> _Entry:
    speaker, voice = kept.voice.speaker, kept.voice
    return _Entry(
        *(kept.session.name, kept.session.uid, speaker.id, speaker.name, speaker.number),
        *(voice.model, _bytes(voice.enrolment), _bytes(voice.centroid), voice.weight),
        *(voice.utterances, voice.seconds, kept.heard_at),
    )


def _kept(entry: _Entry) -> Kept:
    """Raises `ValueError`."""
    enrolment, centroid = _vector(entry.enrolment), _vector(entry.centroid)
    if enrolment.shape != centroid.shape:
        raise ValueError("two prints of one voice differ in length")
    speaker = Speaker(entry.id, _clean(entry.name), entry.number)
    counts = (entry.weight, entry.utterances, entry.seconds)
    voice = Voice(speaker, entry.model, enrolment, centroid, *counts)
    return Kept(SessionKey(entry.session, entry.uid), voice, min(entry.heard_at, time.time()))


def _check_together(voices: list[Kept]) -> None:
    """What no single voice shows; raises `ValueError`."""
    sizes = {(kept.voice.model, kept.voice.centroid.shape) for kept in voices}
    if len(sizes) > len({model for model, _ in sizes}):
        raise ValueError("prints of one model differ in length")
    sessions = {(kept.session.name, kept.session.uid) for kept in voices}
    if len(sessions) > len({name for name, _ in sessions}):
        raise ValueError("two sessions have one name")
    ids = Counter((kept.session.name, kept.voice.speaker.id) for kept in voices)
    if any(times > 1 for times in ids.values()):
        raise ValueError("two voices of one session have one id")
    rooms = Counter(kept.session.name for kept in voices)
    if any(count > MAX_SPEAKERS for count in rooms.values()):
        raise ValueError(f"a session has more than {MAX_SPEAKERS} voices")


def _clean(name: str) -> str:
    try:
        clean_name = clean(name, MAX_NAME)
    except Refusal as refusal:
        raise ValueError(refusal.message) from None
    if clean_name != name:
        raise ValueError("a name has marks that no name has")
    return name


def _vector(content: bytes) -> Voiceprint:
    if len(content) % 4:
        raise ValueError("a print is cut off")
    vector = np.frombuffer(content, "<f4").astype(np.float32)
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not abs(length - 1) <= _UNIT:
        raise ValueError("a print is not of unit length")
    return vector


def _bytes(vector: Voiceprint) -> bytes:
    return vector.astype("<f4").tobytes()
