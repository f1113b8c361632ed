"""`make demo`: the scene, as somebody sees it who has just cloned the project."""

import re
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from babblefish.audio import from_pcm16
from tests.support.phone import joined

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def demo(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "demo", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_everybody_reads_and_hears_what_was_said_and_by_whom(tmp_path: Path) -> None:
    with demo(f"--heard={tmp_path}") as playing:
        said, _ = playing.communicate(timeout=120)
    assert playing.returncode == 0
    assert "Pierre (fr): Bonjour, comment allez-vous ?" in said
    assert "Dan (en) reads 'Hello, how are you?' ✓, hears" in said
    assert "Marek (pl) reads 'Cześć, jak się masz?' ✓, hears" in said
    assert "Claire (fr, into Pierre's phone): Oui, je vous entends bien." in said
    voices = re.findall(r"by voice: (#\w{6}) (Speaker \d|\w+) ✓", said)
    names = [name for _, name in voices]
    assert names == ["Speaker 1", "Speaker 2", "Speaker 3", "Speaker 4", "Pierre", "Claire"]
    colours = [colour for colour, _ in voices]
    assert len(set(colours[:4])) == 4, "each has a colour"
    assert colours[4:] == [colours[0], colours[3]], "and keeps it, on whatever phone"
    for name in ("pierre", "dan", "marek"):
        with wave.open(str(tmp_path / f"{name}.wav")) as file:
            samples = from_pcm16(file.readframes(file.getnframes()))
        assert np.abs(samples).max() > 0.1


def test_pierre_is_heard_in_his_own_voice_until_he_says_no(tmp_path: Path) -> None:
    with demo("--clone", f"--heard={tmp_path}") as playing:
        said, _ = playing.communicate(timeout=170)
    assert playing.returncode == 0, said
    assert "✗" not in said
    assert said.count("of f5_cloned") == 2, "before the laptop was killed, and when it was back"
    assert "the laptop is killed in mid-sentence: Dan hears the stock voice ✓" in said
    assert "Pierre says no: deleted on" in said
    assert len(list(tmp_path.glob("*-f5_cloned.wav"))) == 2


async def test_it_can_be_left_up_for_other_phones() -> None:
    with demo("--serve") as serving:
        assert serving.stdout
        try:
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", serving.stdout.readline())
            assert found
            url = f"ws://127.0.0.1:{found[1]}/ws/client"
            async with (
                joined(url, "anywhere", "Zoé", "fr") as zoe,
                joined(url, "anywhere", "Tom", "en") as tom,
            ):
                await tom.send(type="text", text="Thank you very much.")
                assert (await zoe.receive("result"))["translation"] == "Merci beaucoup."
        finally:
            serving.send_signal(signal.SIGINT)
            serving.wait(30)
