"""pyannote.audio phones home unless it is told not to before it is imported; it is."""

from pathlib import Path

import numpy as np
import pytest

from babblefish import settings
from babblefish.audio import SAMPLE_RATE
from babblefish.speaker import pyannote
from tests.micro import CHECKPOINTS

# Python runs it before anything else; nothing can take an audit hook away again (PEP 578).
_GUARD = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        note(f"network {event}")
    if event == "import" and arguments[0] == "pyannote.audio":
        note("imported with " + os.environ.get("PYANNOTE_METRICS_ENABLED", "nothing"))

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
    monkeypatch.delenv("PYANNOTE_METRICS_ENABLED", raising=False)
    engine = pyannote.build(settings.load(["--models-dir", str(CHECKPOINTS)]))
    await engine.start()
    rng = np.random.default_rng(1)
    await engine.embed(0.1 * rng.standard_normal(SAMPLE_RATE).astype(np.float32))
    await engine.stop()  # what telemetry still holds is sent at the end
    assert (tmp_path / "notes").read_text().splitlines() == ["imported with 0"]


def test_the_guard_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    (tmp_path / "sitecustomize.py").write_text(_GUARD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    call = "import socket; socket.create_connection(('127.0.0.1', 1))"
    subprocess.run([sys.executable, "-c", call], capture_output=True, check=False)
    assert "network socket.connect" in (tmp_path / "notes").read_text()
