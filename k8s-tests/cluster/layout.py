"""Where the cluster keeps its things, its nodes, and its addresses: all of `10.87.0.0/16`."""

import os
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "babblefish"
# On disk, as images are large; not in /run or /var, as every node has its own of these.
STATE = CACHE / "cluster"
LOCK = CACHE / "cluster.lock"
KUBECONFIG = STATE / "kubeconfig"
COMPLETE = STATE / "complete"

BRIDGE = "babblefish0"
NETWORK = IPv4Network("10.87.0.0/16")
HOST = "10.87.0.1"
PODS = "10.87.64.0/18"
SERVICES = "10.87.128.0/18"
API_SERVICE = "10.87.128.1"
DNS_SERVICE = "10.87.128.10"
API = f"https://{HOST}:6443"


@dataclass(frozen=True)
class Node:
    """A machine of the cluster: network, mount and process namespaces of its own."""

    name: str
    address: str
    pods: str
    labels: str = ""
    taints: str = ""
    kubelet: str = ""
    """More of its kubelet's configuration."""
    gpu: bool = False
    """Whether it offers an `nvidia.com/gpu`, which is not there."""

    @property
    def folder(self) -> Path:
        """Its configuration, its `/run` and its `/var`."""
        return STATE / "nodes" / self.name

    @property
    def namespace(self) -> str:
        """Its network namespace, as `ip netns` calls it."""
        return f"babblefish-{self.name}"

    @property
    def link(self) -> str:
        """The host's end of its cable."""
        return f"bf-{self.name}"


SERVER = Node("server", "10.87.0.11", "10.87.65.0/24")
LAPTOP = Node(
    "laptop",
    "10.87.0.12",
    "10.87.66.0/24",
    labels="babblefish.io/accelerator=f5",
    taints="babblefish.io/accelerator=f5:NoSchedule",
    gpu=True,
)
# As docs/node.md prepares a server: pods of whole cores have them to themselves.
PREPARED = Node(
    "prepared",
    "10.87.0.14",
    "10.87.68.0/24",
    taints="babblefish.io/prepared:NoSchedule",
    kubelet='cpuManagerPolicy: static\nreservedSystemCPUs: "0"\ncpuManagerReconcilePeriod: 1s',
)
NODES = (SERVER, LAPTOP, PREPARED)
# The node of 128 cores that is not there. At its addresses nobody answers.
REFERENCE = Node("reference", "10.87.0.13", "10.87.67.1/24")
