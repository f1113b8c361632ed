"""A real API server with a release of the chart, and what controllers would do to it by hand."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx
import kopf
import psutil
import yaml

from babblefish_operator.workloads import OURS
from cluster import binaries
from tests.charts.apiserver import ApiServer, running
from tests.operator.gateway import TOKEN

NAMESPACE = "talk"
_CHART = Path(__file__).parents[2] / "charts/babblefish"
_SESSIONS = f"/apis/babblefish.io/v1alpha1/namespaces/{NAMESPACE}/translationsessions"
_CORE = f"/api/v1/namespaces/{NAMESPACE}"
_DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/demo-babblefish-synthesizer"
_ACCOUNT = "demo-babblefish-operator"
_MERGE = {"Content-Type": "application/merge-patch+json"}

Json = dict[str, Any]
T = TypeVar("T")


class Cluster:
    """Its administrator."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        self._server = server
        self.folder = folder
        config = json.loads(server.kubeconfig.read_text())
        self.url = config["clusters"][0]["cluster"]["server"]
        token = config["users"][0]["user"]["token"]
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            verify=False,  # noqa: S501 its certificate is its own
            timeout=10,
        )

    def install(self) -> None:
        """The chart, a node that takes pods, and no replicas yet."""
        light = _CHART / "values-light.yaml"
        self._server.helm(
            "upgrade", "--install", "demo", str(_CHART), f"--namespace={NAMESPACE}",
            "--create-namespace", f"--values={light}",
        )  # fmt: skip
        definition = "crd/translationsessions.babblefish.io"
        self._server.kubectl("wait", definition, "--for=condition=Established", "--timeout=20s")
        self._server.kubectl("create", "serviceaccount", "default", f"--namespace={NAMESPACE}")
        self.node(cores=4)
        self.merge(_DEPLOYMENT, {"spec": {"replicas": 0}})

    def operator_kubeconfig(self) -> Path:
        """With the rights that the chart gives the operator, and no others."""
        account = self._server.kubectl(
            "create", "token", _ACCOUNT, f"--namespace={NAMESPACE}", "--duration=1h"
        )
        config = json.loads(self._server.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": account.strip()}
        path = self.folder / "operator.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def node(self, cores: int) -> None:
        """A machine of so many cores."""
        room = {"cpu": str(cores), "memory": "64Gi", "pods": "110"}
        self.post("/api/v1/nodes", {"metadata": {"name": "machine"}})
        status = {"status": {"allocatable": room, "capacity": room}}
        self.merge("/api/v1/nodes/machine/status", status)
        # The node controller's part: a new one is tainted until it is ready.
        self.merge("/api/v1/nodes/machine", {"spec": {"taints": None}})

    def gateway(self, name: str = "gateway-0") -> None:
        """A pod that is one, at this machine's address."""
        labels = {"app.kubernetes.io/instance": "demo", "app.kubernetes.io/component": "gateway"}
        pod = {
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "nodeName": "machine",
                "containers": [{"name": "gateway", "image": "gateway"}],
            },
        }
        self.post(f"{_CORE}/pods", pod)
        status = {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        self.merge(f"{_CORE}/pods/{name}/status", {"status": status})

    def open(self, name: str, **spec: object) -> None:
        """Applies a session."""
        self.post(
            _SESSIONS,
            {
                "apiVersion": "babblefish.io/v1alpha1",
                "kind": "TranslationSession",
                "metadata": {"name": name},
                "spec": {"languages": ["en", "fr"], **spec},
            },
        )

    def end(self, name: str) -> None:
        """Deletes it."""
        self._http.delete(f"{_SESSIONS}/{name}").raise_for_status()

    def session(self, name: str) -> Json:
        """As it is."""
        return self.get(f"{_SESSIONS}/{name}")

    def sessions(self) -> list[Json]:
        """All of them."""
        found: list[Json] = self.get(_SESSIONS)["items"]
        return found

    def add_condition(self, name: str, condition: Json) -> None:
        """Somebody else's."""
        conditions = [*self.session(name)["status"]["conditions"], condition]
        self.merge(f"{_SESSIONS}/{name}/status", {"status": {"conditions": conditions}})

    def secret(self, name: str) -> Json | None:
        """A Secret, if there is one."""
        answer = self._http.get(f"{_CORE}/secrets/{name}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else self._json(answer)

    def secrets(self) -> list[Json]:
        """All of them."""
        found: list[Json] = self.get(f"{_CORE}/secrets")["items"]
        return found

    def events(self, reason: str) -> list[Json]:
        """News of that reason."""
        items = self.get(f"{_CORE}/events")["items"]
        return [item for item in items if item["reason"] == reason]

    @property
    def replicas(self) -> int:
        """Of the synthesizer, asked for."""
        number: int = self.deployment["spec"]["replicas"]
        return number

    @property
    def deployment(self) -> Json:
        """The synthesizer's."""
        return self.get(_DEPLOYMENT)

    def deployed(self) -> None:
        """The controllers' part: all that is asked for is ready."""
        deployment = self.deployment
        number = deployment["spec"]["replicas"]
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            **dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), number),
            "availableReplicas": number,
        }
        self.merge(f"{_DEPLOYMENT}/status", {"status": status})

    def choose(self, replicas: int) -> None:
        """As `helm upgrade --set synthesizer.replicas=…` does: one write, and ours no longer."""
        annotations = {"metadata": {"annotations": {OURS: None}}}
        self.merge(_DEPLOYMENT, {**annotations, "spec": {"replicas": replicas}})

    def leave_to_the_operator(self) -> None:
        """As the chart does without that value."""
        annotations = {"metadata": {"annotations": {OURS: "operator"}}}
        self.merge(_DEPLOYMENT, {**annotations, "spec": {"replicas": 0}})

    def account(self) -> kopf.ConnectionInfo:
        """The operator's, for calls that a test makes in its place."""
        config = yaml.safe_load(self.operator_kubeconfig().read_text())
        token = config["users"][0]["user"]["token"]
        return kopf.ConnectionInfo(server=self.url, token=token, insecure=True)

    def get(self, path: str) -> Json:
        return self._json(self._http.get(path))

    def post(self, path: str, content: Json) -> Json:
        return self._json(self._http.post(path, json=content))

    def merge(self, path: str, content: Json) -> Json:
        body = json.dumps(content)
        return self._json(self._http.patch(path, content=body, headers=_MERGE))

    @contextmanager
    def api_server_gone(self) -> Iterator[None]:
        """Killed; started again at the end, with what etcd kept."""
        process = self._api_server()
        command = process.cmdline()
        process.kill()
        process.wait(5)
        yield
        with (self.folder / "again.log").open("wb") as log:
            subprocess.Popen([self._server.programs / "kube-apiserver", *command[1:]], stderr=log)
        eventually(self._ready, seconds=40)

    def _api_server(self) -> psutil.Process:
        """The one of our children that answers at our address."""
        port = f"--secure-port={self.url.rpartition(':')[2]}"
        (found,) = [child for child in psutil.Process().children() if port in child.cmdline()]
        return found

    def stop(self) -> None:
        """What `api_server_gone` started is nobody else's to end."""
        self._api_server().kill()
        self._http.close()

    def _ready(self) -> bool:
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def _json(self, answer: httpx.Response) -> Json:
        assert answer.is_success, answer.text
        content: Json = answer.json()
        return content


@contextmanager
def installed(folder: Path) -> Iterator[Cluster]:
    """A cluster of its own."""
    with running(binaries.folder(), folder) as server:
        cluster = Cluster(server, folder)
        cluster.install()
        try:
            yield cluster
        finally:
            cluster.stop()


def missing() -> str:
    """Why there is none; empty, if there can be one."""
    built = binaries.folder() / "kube-apiserver"
    return "" if built.exists() else f"{built} is not built: `make test-cluster` does that"


def environment(cluster: Cluster, gateway_port: int, **more: str) -> dict[str, str]:
    """What the chart tells its operator."""
    labels = "app.kubernetes.io/instance=demo,app.kubernetes.io/component=gateway"
    return {
        "KUBECONFIG": str(cluster.operator_kubeconfig()),
        "PATH": os.environ["PATH"],
        "BABBLEFISH_OPERATOR_NAMESPACE": NAMESPACE,
        "BABBLEFISH_OPERATOR_SYNTHESIZER": "demo-babblefish-synthesizer",
        "BABBLEFISH_OPERATOR_GATEWAYS": labels,
        "BABBLEFISH_OPERATOR_GATEWAY_PORT": str(gateway_port),
        "BABBLEFISH_OPERATOR_QUIET_S": "1",
        "BABBLEFISH_ADMIN_TOKEN": TOKEN,
        **more,
    }


def eventually(look: Callable[[], T | None], seconds: float = 10) -> T:
    """What `look` gives once that is true."""
    until = monotonic() + seconds
    while True:
        found = look()
        if found or monotonic() > until:
            assert found
            return found
        sleep(0.05)
