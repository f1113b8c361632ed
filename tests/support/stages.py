"""Real stages in processes of their own."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil

from tests.support.http import plain

_WARM_S = 120


@dataclass(frozen=True)
class Stage:
    """Where it listens, and its process."""

    url: str
    process: "subprocess.Popen[str]"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def children(self) -> list[psutil.Process]:
        """Its engine's processes."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def get(self, path: str) -> httpx.Response:
        return plain.get(self.url + path)


@contextlib.contextmanager
def staged(name: str, warm: bool = True, **settings: object) -> Iterator[Stage]:
    """One replica of a stage on a free port; ended at the end."""
    chosen = {"log_level": "warning", "host": "127.0.0.1", "port": 0, **settings}
    environment = {f"BABBLEFISH_{key.upper()}": str(value) for key, value in chosen.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "babblefish", "stage", name],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        stage = Stage(_url(process), process)
        if warm:
            _await_ready(stage)
        yield stage
    finally:
        process.terminate()
        process.wait(60)


def _url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    line = process.stdout.readline()
    assert line.endswith("/about\n"), f"the stage said {line!r}"
    return line.split()[-1].removesuffix("/about").replace("localhost", "127.0.0.1")


def _await_ready(stage: Stage) -> None:
    deadline = time.monotonic() + _WARM_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if stage.get("/ready").status_code == 200:
                return
        time.sleep(0.02)
    raise TimeoutError(f"not ready after {_WARM_S} s")
