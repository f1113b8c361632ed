"""`babblefish voices train`, whole, on the micro checkpoints."""

import asyncio
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from babblefish.registry.store import FILE, Store
from tests.micro import CHECKPOINTS
from tests.voices.pierre import heard_enough

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where Pierre said yes, and was heard for half a minute."""
    store = Store(tmp_path / FILE)
    heard_enough(store)
    store.close()
    return tmp_path


def training(data_dir: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "babblefish", "voices", "train", "pierre", *options]
    chosen = {"profile": "full", "models-dir": CHECKPOINTS, "data-dir": data_dir, "threads": 1}
    flags = [f"--{name}={value}" for name, value in chosen.items()]
    return subprocess.Popen(
        command + flags, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def check(data_dir: Path, status: int, said: str) -> None:
    """It said what it came to, did so, and left nothing of what it learnt from."""
    assert status == 0, said
    assert "This needs about" in said
    assert "Peak memory:" in said
    before, after = map(float, re.findall(r"(-?\d\.\d+) before, (-?\d\.\d+) after", said)[0])
    store = Store(data_dir / FILE)
    reference = store.samples.reference("pierre")
    store.close()
    assert reference is not None
    assert bool(reference.adapter) == (after > before)
    assert ("It is kept." if after > before else "It is worse") in said
    assert not list((data_dir / "training").glob("*"))


def test_it_keeps_what_is_better_and_nothing_else(data_dir: Path) -> None:
    with training(data_dir, "--full") as process:
        said, _ = process.communicate(timeout=300)
    check(data_dir, process.returncode, said)


async def test_one_that_was_killed_goes_on(data_dir: Path) -> None:
    for how in (signal.SIGINT, signal.SIGKILL):
        await interrupted(data_dir, how)
    with training(data_dir) as process:
        said, _ = process.communicate(timeout=300)
    assert "Epoch 1/" not in said
    check(data_dir, process.returncode, said)


async def interrupted(data_dir: Path, how: signal.Signals) -> None:
    """A run, once it has stored something; it ends at once."""
    place = data_dir / "training" / "pierre"
    before = {file: file.stat().st_mtime_ns for file in place.glob("adapter/*.pt")}
    with training(data_dir) as process:
        async with asyncio.timeout(200):
            while all(before.get(it) == it.stat().st_mtime_ns for it in place.glob("adapter/*.pt")):
                assert process.poll() is None
                await asyncio.sleep(0.05)
        process.send_signal(how)
        process.communicate(timeout=10)
    assert process.returncode != 0
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
