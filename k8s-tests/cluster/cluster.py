"""What a test holds: a cluster of ours, or one that the user names by KUBECONFIG."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cluster import binaries, images, network
from cluster.commands import run
from cluster.errors import ClusterError
from cluster.layout import KUBECONFIG, NODES, REFERENCE, SERVER
from cluster.processes import Process


@dataclass(frozen=True)
class Cluster:
    """A running cluster; `bin` holds kubectl, helm and kubeconform."""

    kubeconfig: Path
    ingress: str
    bin: Path
    nodes: tuple[str, ...]
    ours: bool = True

    @classmethod
    def started(cls) -> "Cluster":
        """The one that `up` made."""
        names = tuple(node.name for node in (*NODES, REFERENCE))
        return cls(KUBECONFIG, SERVER.address, binaries.folder(), names)

    @classmethod
    def given(cls, kubeconfig: Path) -> "Cluster":
        """Somebody else's; its ingress is where its traefik or its first node answers."""
        asking = cls(kubeconfig, "", binaries.build(), (), ours=False)
        nodes = json.loads(asking.kubectl("get", "nodes", "--output=json"))["items"]
        names = tuple(node["metadata"]["name"] for node in nodes)
        return cls(kubeconfig, _ingress(asking, nodes[0]), asking.bin, names, ours=False)

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl prints; `given` is its stdin."""
        kubectl = str(self.bin / "kubectl")
        return run(kubectl, f"--kubeconfig={self.kubeconfig}", *arguments, given=given)

    def import_archive(self, source: Path | BinaryIO, *nodes: str) -> None:
        """Gives the images of an OCI or Docker archive to these nodes, or to all."""
        self._require_ours("Import images with its own tools")
        chosen = [known for known in NODES if known.name in nodes or not nodes]
        if len(chosen) < len(nodes):
            names = ", ".join(known.name for known in NODES)
            raise ClusterError(f"Only these nodes take images: {names}.")
        images.import_archive(source, chosen)

    def process(self, name: str) -> Process:
        """A program of it, to be ended or restarted: `kube-apiserver`, `laptop-kubelet`."""
        self._require_ours("End and restart its programs with its own tools")
        return Process(name)

    @contextlib.contextmanager
    def unplugged(self, name: str) -> Iterator[None]:
        """A node without its cable, as a laptop whose lid is closed."""
        self._require_ours("Take its nodes off the network with its own tools")
        (node,) = [known for known in NODES if known.name == name]
        network.plug(node, in_=False)
        try:
            yield
        finally:
            network.plug(node, in_=True)

    def _require_ours(self, instead: str) -> None:
        if not self.ours:
            raise ClusterError(f"{self.kubeconfig} is not a cluster of ours. {instead}.")


def _ingress(cluster: Cluster, node: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    path = "{.status.loadBalancer.ingress[0].ip}"
    find = ("get", "service/traefik", "--namespace=kube-system", "--ignore-not-found")
    if balanced := cluster.kubectl(*find, f"--output=jsonpath={path}"):
        return balanced
    addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
    return addresses.get("ExternalIP") or addresses["InternalIP"]
