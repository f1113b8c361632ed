"""f5-tts comes with a trainer, a hub client and wandb: nobody is asked for anything."""

from pathlib import Path

import numpy as np
import pytest

from babblefish import settings
from babblefish.audio import SAMPLE_RATE, Audio
from babblefish.cloner import f5
from babblefish.cloner.base import Reference
from tests.micro import CHECKPOINTS

# Python runs it before anything else; nothing can take an audit hook away again (PEP 578).
_GUARD = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        note(f"network {event}")
    if event == "import" and arguments[0] in ("wandb", "vocos"):
        note("imported " + arguments[0])

def note(line):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(line + "\\n")

sys.addaudithook(watch)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_it_never_calls_anybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(_GUARD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    engine = f5.build(settings.load(["--models-dir", str(CHECKPOINTS)]))
    await engine.start()
    noise = np.random.default_rng(1).standard_normal(SAMPLE_RATE)
    reference = Reference("r", Audio((0.1 * noise).astype(np.float32), SAMPLE_RATE), "Noise.", "en")
    await engine.speak("Nobody hears this.", "en", reference)
    await engine.stop()
    assert set((tmp_path / "notes").read_text().splitlines()) == {"imported vocos"}
