"""An API server with nothing behind it: no nodes, no controllers, gone with its folder.

It knows what a resource is, and Helm can install to it; nothing that is installed ever runs.
"""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

_START_DEADLINE_S = 40.0
_TOKEN = "only-while-a-test-runs"  # noqa: S105 of a server that only this machine reaches


class NotStarted(Exception):
    """Why it does not run."""


class Refused(Exception):
    """What helm or kubectl said instead of doing it."""


@dataclass(frozen=True)
class ApiServer:
    """Where it is, and the programs that speak to it."""

    programs: Path
    kubeconfig: Path

    def helm(self, *arguments: str) -> str:
        """What helm says; raises `Refused`."""
        return self._run("helm", *arguments)

    def kubectl(self, *arguments: str, given: object = None) -> str:
        """What kubectl says, with `given` as its input; raises `Refused`."""
        return self._run("kubectl", *arguments, given=None if given is None else json.dumps(given))

    def get(self, *what: str) -> Any:  # noqa: ANN401 whatever Kubernetes has
        """An object, or a list of them."""
        return json.loads(self.kubectl("get", *what, "--output=json"))

    def _run(self, program: str, *arguments: str, given: str | None = None) -> str:
        own = {"KUBECONFIG": self.kubeconfig, "KUBECACHEDIR": self.kubeconfig.with_name("cache")}
        done = subprocess.run(
            [self.programs / program, *arguments],
            env={**os.environ, **{name: str(path) for name, path in own.items()}},
            input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Refused(done.stdout)
        return done.stdout


@contextlib.contextmanager
def running(programs: Path, folder: Path) -> Iterator[ApiServer]:
    """It and its etcd, on ports that are free; raises `NotStarted`."""
    keys, peers, api = _free_ports(3)
    flags_of = {
        "etcd": _etcd(folder, f"http://127.0.0.1:{keys}", f"http://127.0.0.1:{peers}"),
        "kube-apiserver": _api_server(folder, f"http://127.0.0.1:{keys}", api),
    }
    with contextlib.ExitStack() as ending:
        started = [
            ending.enter_context(_process(programs / name, flags, folder / f"{name}.log"))
            for name, flags in flags_of.items()
        ]
        _wait_until_ready(f"https://127.0.0.1:{api}/readyz", started, folder)
        yield ApiServer(programs, _kubeconfig(folder, f"https://127.0.0.1:{api}"))


def _etcd(folder: Path, keys: str, peers: str) -> Mapping[str, object]:
    return {
        "data-dir": folder / "etcd",
        "listen-client-urls": keys,
        "advertise-client-urls": keys,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
        "unsafe-no-fsync": "true",
    }


def _api_server(folder: Path, keys: str, port: int) -> Mapping[str, object]:
    signing = folder / "accounts.key"
    signing.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    people = folder / "tokens.csv"
    people.write_text(f"{_TOKEN},tester,1,system:masters\n")
    return {
        "etcd-servers": keys,
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": port,
        "cert-dir": folder / "certificates",
        "token-auth-file": people,
        "authorization-mode": "RBAC",
        "service-cluster-ip-range": "10.88.0.0/24",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": signing,
        "service-account-signing-key-file": signing,
    }


def _kubeconfig(folder: Path, url: str) -> Path:
    cluster = {"server": url, "insecure-skip-tls-verify": True}
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "tester"}}],
                "clusters": [{"name": "here", "cluster": cluster}],
                "users": [{"name": "tester", "user": {"token": _TOKEN}}],
            }
        )
    )
    return path


@contextlib.contextmanager
def _process(
    program: Path, flags: Mapping[str, object], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(program), *(f"--{name}={value}" for name, value in flags.items())]
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()  # what it would put in order is thrown away
        process.wait()


def _wait_until_ready(url: str, started: list[subprocess.Popen[bytes]], folder: Path) -> None:
    end = time.monotonic() + _START_DEADLINE_S
    with httpx.Client(headers={"Authorization": f"Bearer {_TOKEN}"}, verify=False) as client:  # noqa: S501 its certificate is its own
        while time.monotonic() < end and all(it.poll() is None for it in started):
            with contextlib.suppress(httpx.HTTPError):
                if client.get(url).is_success:
                    return
            time.sleep(0.1)
    last = "\n".join(path.read_text()[-500:] for path in sorted(folder.glob("*.log")))
    raise NotStarted(f"There is no API server. The logs end with:\n{last}")


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [
            held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)
        ]
        return [int(it.getsockname()[1]) for it in sockets]
