"""A real Prometheus on this machine, which scrapes the pods of a release."""

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from cluster.layout import CACHE
from deployment import Release

_PARTS = ("gateway", "translator", "synthesizer", "cloner", "operator")
_SCRAPE = "1s"


@dataclass(frozen=True)
class Prometheus:
    """Where it answers."""

    url: str

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query; raises `ValueError` with what is wrong with it."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


def program() -> Path:
    """Debian's, unpacked and not installed: the package would start a service."""
    folder = CACHE / "prometheus"
    found = folder / "usr/bin/prometheus"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _download(folder)
        (package,) = folder.glob("prometheus_*.deb")
        subprocess.run(["dpkg", "--extract", package, folder], check=True)
        package.unlink()
    return found


def _download(folder: Path) -> None:
    """The package lists of a fresh machine are empty or old: they are fetched only if need be."""
    command = ["apt-get", "download", "--quiet", "--quiet", "prometheus"]
    if subprocess.run(command, cwd=folder, check=False).returncode:
        subprocess.run(["apt-get", "update", "--quiet", "--quiet"], check=True)
        subprocess.run(command, cwd=folder, check=True)


def _ready(prometheus: Prometheus, deadline_s: float = 30) -> Prometheus:
    """Once it answers queries."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{prometheus.url}/-/ready").is_success:
                return prometheus
        time.sleep(0.1)
    raise TimeoutError("Prometheus does not start.")


@contextmanager
def scraping(release: Release, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus on loopback, ended at the end."""
    port = _free_port()
    job = {
        "job_name": "babblefish",
        "scrape_interval": _SCRAPE,
        "scrape_timeout": _SCRAPE,
        "file_sd_configs": [{"files": [str(folder / "pods.json")]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [job]}))
    (folder / "pods.json").write_text(json.dumps(_targets(release)))
    command = [str(program()), f"--config.file={folder / 'prometheus.yml'}",
               f"--storage.tsdb.path={folder / 'data'}",
               f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log)
        try:
            yield _ready(Prometheus(f"http://127.0.0.1:{port}"))
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _targets(release: Release) -> list[dict[str, Any]]:
    """As Kubernetes' service discovery would label them."""
    return [
        {
            "targets": [f"{release.get('pod', pod)['status']['podIP']}:9001"],
            "labels": {"namespace": release.namespace, "pod": pod},
        }
        for part in _PARTS
        for pod in release.pods(part)
    ]
