"""A real operator in a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from tests.operator.gateway import TOKEN
from tests.support.http import plain

_START_S = 20

SETTINGS = {
    "BABBLEFISH_OPERATOR_SYNTHESIZER": "synthesizer",
    "BABBLEFISH_OPERATOR_GATEWAYS": "app=gateway",
    "BABBLEFISH_OPERATOR_PUBLIC_URL": "https://talk.example",
    "BABBLEFISH_SESSION_KEY": "k" * 32,
    "BABBLEFISH_ADMIN_TOKEN": TOKEN,
}
"""What it cannot do without."""


@dataclass(frozen=True)
class Operator:
    """Its process, and where it answers."""

    process: "subprocess.Popen[str]"
    address: str

    def get(self, path: str) -> httpx.Response:
        return plain.get(f"{self.address}{path}")


def command(**environment: str) -> "subprocess.Popen[str]":
    """`python -m babblefish_operator` with nothing of this machine's cluster in sight."""
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("KUBE", "BABBLEFISH_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "babblefish_operator"],
        env={**bare, "HOME": "/nonexistent", **SETTINGS, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def running(folder: Path, api_port: int) -> Iterator[Operator]:
    """An operator of the namespace `here`, whose API server is at that port, or is to be."""
    config = kubeconfig(folder, f"http://127.0.0.1:{api_port}")
    with operating(
        {"KUBECONFIG": str(config), "BABBLEFISH_OPERATOR_NAMESPACE": "here"}, log_level="error"
    ) as operator:
        yield operator


@contextlib.contextmanager
def operating(environment: Mapping[str, str], log_level: str = "info") -> Iterator[Operator]:
    """An operator that was told this."""
    port = str(free_port())
    process = command(
        **environment,
        BABBLEFISH_OPERATOR_HEALTH_PORT=port,
        BABBLEFISH_OPERATOR_LOG_LEVEL=log_level,
    )
    try:
        yield _awaited(Operator(process, f"http://127.0.0.1:{port}"))
    finally:
        process.kill()
        sys.stderr.write(process.communicate()[1])


def kubeconfig(folder: Path, server: str) -> Path:
    """A file as `kubectl` reads it."""
    path = folder / "kubeconfig"
    content = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {"token": "none"}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def _awaited(operator: Operator) -> Operator:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert operator.process.poll() is None, operator.process.communicate()[1]
        with contextlib.suppress(httpx.TransportError):
            operator.get("/health")
            return operator
        time.sleep(0.05)
    raise TimeoutError("the operator does not answer")
