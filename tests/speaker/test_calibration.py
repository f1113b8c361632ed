"""From which cosine on two voiceprints are one voice."""

import importlib.util
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.audio import SAMPLE_RATE, Audio, Samples, to_wav
from babblefish.errors import SettingsError
from babblefish.speaker.base import NoVoice, Voiceprint
from babblefish.speaker.calibration import FALSE_ACCEPT, calibrate, calibration, lines
from babblefish.speaker.recordings import recordings
from tests.micro import CHECKPOINTS, people


class Loudness:
    """An encoder by how loud somebody is: its errors are known beforehand."""

    model, threshold = "loudness", 0.5

    async def embed(self, speech: Samples) -> Voiceprint:
        if not speech.any():
            raise NoVoice("Nobody.", "Speak.")
        angle = float(np.abs(speech).max()) * np.pi / 2
        return np.array([np.cos(angle), np.sin(angle)], np.float32)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def tone(loudness: float, seconds: float = 1, rate: int = SAMPLE_RATE) -> bytes:
    samples = loudness * np.sin(np.arange(round(seconds * rate)) * 0.1)
    return to_wav(Audio(samples.astype(np.float32), rate))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for speaker, loudness in (("dan", 0.1), ("eve", 0.9)):
        (tmp_path / speaker).mkdir()
        for number in range(3):
            file = tmp_path / speaker / f"{number}.wav"
            file.write_bytes(tone(loudness + number / 50))
    return tmp_path


async def test_voices_that_are_apart_are_told_apart(folder: Path) -> None:
    told: list[str] = []
    result = await calibrate(Loudness(), folder, told.append)
    assert (result.genuine, result.impostors, told) == (6, 9, [])
    assert (result.equal.accepted, result.equal.missed) == (0, 0)
    assert 0.4 < result.equal.threshold < 0.99
    assert lines(result)[-1] == f"Set BABBLEFISH_SPEAKER_THRESHOLD={result.strict.threshold:.2f}."


async def test_what_is_no_recording_is_skipped_with_a_line(folder: Path) -> None:
    spoiled = folder / "dan"
    (spoiled / "garbage.wav").write_bytes(b"<html>404</html>" * 100)
    (spoiled / "empty.wav").write_bytes(b"")
    (spoiled / "cut.wav").write_bytes(tone(0.1)[:30])
    (spoiled / "silent.wav").write_bytes(tone(0))
    (spoiled / "nothing.wav").write_bytes(tone(0.1, seconds=0))
    (spoiled / "folder.wav").mkdir()
    with wave.open(str(spoiled / "coarse.wav"), "wb") as file:
        file.setparams((1, 1, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(bytes(1000))
    told: list[str] = []
    result = await calibrate(Loudness(), folder, told.append)
    assert result.genuine == 6
    assert len(told) == 7
    assert all(line.startswith("dan/") for line in told)


def test_other_rates_and_channels_are_taken(tmp_path: Path) -> None:
    (tmp_path / "dan").mkdir()
    (tmp_path / "dan" / "a.wav").write_bytes(tone(0.5, rate=44_100))
    with wave.open(str(tmp_path / "dan" / "b.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.full((8000, 2), 99, "<i2").tobytes())
    lengths = [len(each.speech) for each in recordings(tmp_path)]
    assert lengths == [SAMPLE_RATE, SAMPLE_RATE]


def test_an_rttm_says_who_speaks_when(tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(tone(0.5, seconds=4))
    (tmp_path / "talk.rttm").write_text(
        "SPEAKER talk 1 0.500 1.000 <NA> <NA> dan <NA> <NA>\n"
        ";; a comment\n"
        "SPEAKER talk 1 2.000 9.000 <NA> <NA> eve <NA> <NA>\n"
    )
    turns = [
        (each.speaker, len(each.speech) / SAMPLE_RATE) for each in recordings(tmp_path / "talk.wav")
    ]
    assert turns == [("dan", 1.0), ("eve", 2.0)]


@pytest.mark.parametrize("source", ["nowhere", "talk.wav"])
def test_what_is_not_labelled_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "talk.wav").write_bytes(tone(0.5))
    with pytest.raises(SettingsError, match="no folder"):
        list(recordings(tmp_path / source))


@pytest.mark.parametrize(
    "turn", ["SPEAKER talk 1 nan 1 <NA> <NA> dan <NA> <NA>", "SPEAKER a 1 x y . . d . ."]
)
def test_an_rttm_that_is_none_is_refused(tmp_path: Path, turn: str) -> None:
    (tmp_path / "talk.wav").write_bytes(tone(0.5))
    (tmp_path / "talk.rttm").write_text(turn)
    with pytest.raises(SettingsError, match="cannot be used"):
        list(recordings(tmp_path / "talk.wav"))


@pytest.mark.parametrize("people", [0, 1])
async def test_one_person_is_not_enough(tmp_path: Path, people: int) -> None:
    for number in range(people):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "a.wav").write_bytes(tone(0.5))
    with pytest.raises(SettingsError, match="too little to compare"):
        await calibrate(Loudness(), tmp_path, print)


directions = st.lists(st.floats(0, 2 * np.pi), min_size=2, max_size=6)


@given(directions, directions)
def test_rates_are_what_the_thresholds_give(one: list[float], other: list[float]) -> None:
    prints = {
        name: [np.array([np.cos(a), np.sin(a)], np.float32) for a in angles]
        for name, angles in (("one", one), ("other", other))
    }
    result = calibration(prints)
    genuine = [float(p @ q) for own in prints.values() for i, p in enumerate(own) for q in own[:i]]
    impostors = [float(p @ q) for p in prints["one"] for q in prints["other"]]
    assert (result.genuine, result.impostors) == (len(genuine), len(impostors))
    for point in (result.equal, result.strict):
        # A cosine that lies on a threshold falls on either side of it.
        near = 1e-6
        low, high = point.threshold - near, point.threshold + near
        assert np.mean(np.array(impostors) >= high) <= point.accepted + near
        assert np.mean(np.array(impostors) >= low) >= point.accepted - near
        assert np.mean(np.array(genuine) < low) <= point.missed + near
        assert np.mean(np.array(genuine) < high) >= point.missed - near
    assert result.strict.accepted <= FALSE_ACCEPT
    assert result.strict.threshold >= result.equal.threshold


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_command_says_what_to_set(tmp_path: Path) -> None:
    rng = np.random.default_rng(20261121)
    for voice in people.teachers(6, rng):
        folder = tmp_path / f"{voice.variant or 'nobody'}-{voice.pitch}"
        folder.mkdir()
        for number in range(3):
            speech = Audio(people.says(voice, rng), SAMPLE_RATE)
            (folder / f"{number}.wav").write_bytes(to_wav(speech))
    said = commanded("calibrate", str(tmp_path))
    print(said)  # noqa: T201 the figures
    assert "18 pairs of one voice, 135 of two." in said
    assert "equal error rate" in said
    assert "Set BABBLEFISH_SPEAKER_THRESHOLD=0." in said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_people_in_one_recording_are_calibrated_by_its_rttm() -> None:
    """pyannote.audio brings half a minute of a telephone call, which nobody here was taught."""
    package = importlib.util.find_spec("pyannote.audio")
    assert package and package.origin
    said = commanded("calibrate", str(Path(package.origin).parent / "sample" / "sample.wav"))
    print(said)  # noqa: T201 the figures
    assert "at 6.7 s: Too little was said" in said
    assert "equal error rate" in said


def commanded(*arguments: str) -> str:
    """What `babblefish speakers` prints, with the micro checkpoint."""
    chosen = ["--profile", "full", "--models-dir", str(CHECKPOINTS), "--threads", "1"]
    command = [sys.executable, "-m", "babblefish", "speakers", *arguments, *chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout
