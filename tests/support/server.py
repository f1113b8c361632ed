"""A real gateway in a process of its own."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.support.http import plain

_WARM_S = 180

# All tests call from one address.
_UNHURRIED = {"max_calls_per_minute": 100_000, "max_calls_per_minute_per_address": 100_000}


@dataclass(frozen=True)
class Server:
    """Where it listens, and its process."""

    port: int
    process: "subprocess.Popen[str]"
    data_dir: Path
    links: list[str] = field(default_factory=list)
    """What it printed for phones."""

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def https(self) -> str:
        (port,) = {m[1] for link in self.links if (m := re.search(r"https://.*:(\d+)/\?", link))}
        return f"https://127.0.0.1:{port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/client"

    @property
    def children(self) -> list[psutil.Process]:
        """Its engine processes."""
        return psutil.Process(self.process.pid).children(recursive=True)


@contextlib.contextmanager
def serving(port: int = 0, **settings: object) -> Iterator[Server]:
    """A gateway, on a free port if none is given, warm, with these settings; ended at the end."""
    chosen = {"log_level": "warning", "https_port": 0, **_UNHURRIED, **settings}
    environment = {f"BABBLEFISH_{name.upper()}": str(value) for name, value in chosen.items()}
    with tempfile.TemporaryDirectory() as home, _started(home, port, environment) as process:
        server = _introduced(process, Path(str(settings.get("data_dir", f"{home}/babblefish"))))
        _await_ready(server)
        yield server


@contextlib.contextmanager
def _started(
    home: str, port: int, environment: dict[str, str]
) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-m", "babblefish", "serve", "--port", str(port)],
        env={**os.environ, "XDG_DATA_HOME": home, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _introduced(process: "subprocess.Popen[str]", data_dir: Path) -> Server:
    """The gateway says at once where it listens, then where phones find it."""
    assert process.stdout
    line = process.stdout.readline()
    found = re.search(r"http://localhost:(\d+)/", line)
    assert found, f"the gateway said {line!r}"
    server = Server(int(found[1]), process, data_dir)
    while (line := process.stdout.readline()).startswith("Phones: "):
        server.links.append(line.removeprefix("Phones: ").strip())
    return server


def _await_ready(server: Server) -> None:
    deadline = time.monotonic() + _WARM_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if plain.get(f"{server.http}/ready").status_code == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(f"not ready after {_WARM_S} s")
