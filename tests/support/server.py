"""A real gateway in a process of its own."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import psutil

_WARM_S = 30


@dataclass(frozen=True)
class Server:
    """Where it listens, and its process."""

    port: int
    process: "subprocess.Popen[str]"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/client"

    @property
    def children(self) -> list[psutil.Process]:
        """Its engine processes."""
        return psutil.Process(self.process.pid).children(recursive=True)


@contextlib.contextmanager
def serving(**settings: object) -> Iterator[Server]:
    """A gateway on a free port, warm, with these settings; ended at the end."""
    chosen = {"log_level": "warning", **settings}
    environment = {f"BABBLEFISH_{name.upper()}": str(value) for name, value in chosen.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "babblefish", "serve", "--port", "0"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.search(r"http://localhost:(\d+)/", line)
        assert found, f"the gateway said {line!r}"
        server = Server(int(found[1]), process)
        _await_ready(server)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _await_ready(server: Server) -> None:
    deadline = time.monotonic() + _WARM_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.http}/ready").status_code == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(f"not ready after {_WARM_S} s")
