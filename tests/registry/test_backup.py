"""One file holds all voices; whatever else is given for it is refused."""

import base64
import json
import os
import pickle
import stat
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.people import Speaker
from babblefish.protocol import Refusal, clean
from babblefish.registry import backup
from babblefish.registry.backup import BackupRefused, packed, unpacked
from babblefish.registry.identity import MAX_SPEAKERS, Voice
from babblefish.registry.store import Kept, SessionKey
from tests.registry.voices import print_of, seeds

NOW = time.time()


def is_clean(text: str) -> bool:
    try:
        return clean(text, 64) == text
    except Refusal:
        return False


@st.composite
def collections(draw: st.DrawFn) -> list[Kept]:
    """Voices as a registry may hold them."""
    names = st.text(min_size=1, max_size=64).filter(is_clean)
    ids = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
    return [
        Kept(
            SessionKey(session, uid),
            Voice(
                Speaker(speaker_id, draw(names), number),
                "a/model",
                print_of(draw(seeds)),
                print_of(draw(seeds)),
                weight=draw(st.floats(0, 60)),
                utterances=draw(st.integers(1, 1000)),
                seconds=draw(st.floats(0, 1e6)),
            ),
            heard_at=draw(st.floats(0, NOW)),
        )
        for session, uid in (("lobby", ""), ("team", "8a7f-11"))
        for number, speaker_id in enumerate(draw(st.lists(ids, max_size=3, unique=True)))
    ]


@given(collections())
def test_a_backup_holds_what_was_put_in(voices: list[Kept]) -> None:
    again = unpacked(packed(voices))
    assert packed(again) == packed(voices)
    for before, after in zip(voices, again, strict=True):
        assert after.voice.speaker == before.voice.speaker
        assert np.array_equal(after.voice.centroid, before.voice.centroid)


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_anything_else_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(BackupRefused, match="no backup of voices"):
        unpacked(content)


@given(collections(), st.data())
def test_a_damaged_backup_is_refused_or_whole(voices: list[Kept], data: st.DataObject) -> None:
    content = bytearray(packed(voices))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    try:
        taken = unpacked(bytes(content))
    except BackupRefused:
        return
    for kept in taken:
        vector = kept.voice.centroid
        assert np.isfinite(vector).all()
        assert abs(float(np.linalg.norm(vector)) - 1) < 0.01
        assert is_clean(kept.voice.speaker.name)


def entry(**changes: object) -> dict[str, Any]:
    base = {
        "session": "lobby", "uid": "", "id": "abc", "name": "Dan", "number": 0, "model": "m",
        "enrolment": text_of(print_of(1)), "centroid": text_of(print_of(2)), "weight": 1.0,
        "utterances": 1, "seconds": 1.0, "heard_at": 1.0,
    }  # fmt: skip
    return {**base, **changes}


def text_of(vector: np.ndarray[Any, np.dtype[np.float32]]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def backup_of(*entries: dict[str, Any], **changes: object) -> bytes:
    whole = {"format": "babblefish speakers", "version": 1, "voices": list(entries), **changes}
    return json.dumps(whole).encode()


HOSTILE = {
    "a path for a session": [entry(session="../../etc/passwd")],
    "a long name": [entry(name="x" * 65)],
    "a name that turns text around": [entry(name="Dan\u202e")],
    "a name of two lines": [entry(name="Dan\nroot")],
    "an id that is a query": [entry(id="' OR 1=1 --")],
    "a negative number": [entry(number=-1)],
    "a number beyond SQLite's": [entry(number=1 << 70)],
    "a print of nothing": [entry(centroid="")],
    "a print that is cut off": [entry(centroid=base64.b64encode(bytes(7)).decode())],
    "a print of zeros": [entry(centroid=text_of(np.zeros(64, np.float32)))],
    "a print of no numbers": [entry(centroid=text_of(np.full(64, np.nan, np.float32)))],
    "a print without end": [entry(centroid=text_of(np.full(64, np.inf, np.float32)))],
    "a print that is too long": [entry(centroid=text_of(np.full(64, 1.0, np.float32)))],
    "prints of two lengths": [entry(centroid=text_of(np.full(4, 0.5, np.float32)))],
    "one model, two lengths": [
        entry(),
        entry(id="b", **dict.fromkeys(("enrolment", "centroid"), text_of(np.full(4, 0.5)))),
    ],
    "one id, twice": [entry(), entry()],
    "one name, two sessions": [entry(), entry(id="b", uid="u")],
    "more voices than a session has": [entry(id=str(n)) for n in range(MAX_SPEAKERS + 1)],
    "a field more": [entry(password="s3cret")],
    "a field of another kind": [entry(seconds="1")],
    "a weight that is none": [entry(weight=-1.0)],
    "no entry": ["voice"],
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_backup_is_refused(entries: list[dict[str, Any]]) -> None:
    assert unpacked(backup_of(entry()))
    with pytest.raises(BackupRefused):
        unpacked(backup_of(*entries))


def test_another_format_or_version_is_refused() -> None:
    for changes in ({"version": 2}, {"format": "other"}, {"more": 1}, {"voices": None}):
        with pytest.raises(BackupRefused):
            unpacked(backup_of(entry(), **changes))
    with pytest.raises(BackupRefused):
        unpacked(b"[" * 100_000)


class Trap:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self._mark),))


def test_a_pickle_is_refused_unopened(tmp_path: Path) -> None:
    file = tmp_path / "voices"
    file.write_bytes(pickle.dumps(Trap(tmp_path / "mark")))
    with pytest.raises(BackupRefused):
        backup.read(file)
    assert not (tmp_path / "mark").exists()


def test_what_was_heard_tomorrow_was_heard_now() -> None:
    (kept,) = unpacked(backup_of(entry(heard_at=9e9)))
    assert kept.heard_at <= time.time()


def test_a_backup_is_a_new_file_that_nobody_else_reads(tmp_path: Path) -> None:
    file = tmp_path / "voices.json"
    backup.write(file, unpacked(backup_of(entry())))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(backup.read(file)) == 1
    with pytest.raises(BackupRefused, match="File exists"):
        backup.write(file, [])


@pytest.mark.parametrize("path", ["missing", "."])
def test_a_file_that_cannot_be_read_is_told_in_words(tmp_path: Path, path: str) -> None:
    with pytest.raises(BackupRefused, match="Name another file"):
        backup.read(tmp_path / path)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(BackupRefused, match="larger than"):
        backup.read(Path("/dev/zero"))
