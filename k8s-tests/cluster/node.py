"""A node: namespaces of its own, and in them containerd, the kubelet and kube-proxy.

Its `/var` and `/run` are its own too, so that every program finds an ordinary machine with its
defaults, and two kubelets do not meet. Ending the node's first process ends all of the rest.
"""

import string
from pathlib import Path

from cluster import cgroups
from cluster.commands import run, wait_for
from cluster.layout import DNS_SERVICE, HERE, PODS, Node
from cluster.pki import AUTHORITY, PKI, Authority
from cluster.processes import Process

_CONFIGURATION = HERE / "config"
_FOLDERS = ("var/lib/kubelet", "var/log", "run/netns", "cni")
_DEADLINE_S = 20.0
_BECOME_FIRST_PROCESS = """
set -e
mount --make-rshared /
mount --bind "$1/var" /var
mount --bind "$1/run" /run
echo 1 >/proc/sys/net/ipv4/ip_forward
exec "$2"
"""


def boot(programs: Path, node: Node) -> None:
    """Makes the node's namespaces and starts containerd in them."""
    for folder in _FOLDERS:
        (node.folder / folder).mkdir(parents=True)
    for file in ("containerd.toml", "cni/babblefish.conflist", "kubelet.yaml", "kube-proxy.yaml"):
        _configure(node, file)
    cgroups.create(node)
    init = Process(f"{node.name}-init")
    init.start(
        "nsenter",
        f"--net=/run/netns/{node.namespace}",
        *("unshare", "--mount-proc", "--pid", "--fork", "--kill-child"),
        *("sh", "-c", _BECOME_FIRST_PROCESS, "sh", str(node.folder), str(programs / "pause")),
    )
    wait_for(f"The start of {node.name}", lambda: _program(init.pid) == "pause", _DEADLINE_S)
    _start(node, "containerd", "containerd", f"--config={node.folder}/containerd.toml")


def join(programs: Path, authority: Authority, node: Node) -> None:
    """Starts the kubelet and kube-proxy, which call the API server, and what offers a GPU."""
    authority.issue(f"{node.name}-serving", node.name, names=(node.name, node.address))
    authority.kubeconfig(
        node.folder / f"{node.name}-kubelet.kubeconfig", f"system:node:{node.name}", "system:nodes"
    )
    authority.kubeconfig(node.folder / f"{node.name}-kube-proxy.kubeconfig", "system:kube-proxy")
    _start(
        node,
        "kubelet",
        str(programs / "kubelet"),
        f"--config={node.folder}/kubelet.yaml",
        f"--kubeconfig={node.folder}/{node.name}-kubelet.kubeconfig",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--node-labels={node.labels}",
        f"--register-with-taints={node.taints}",
    )
    _start(
        node, "kube-proxy", str(programs / "kube-proxy"), f"--config={node.folder}/kube-proxy.yaml"
    )
    if node.gpu:
        _start(node, "device-plugin", str(programs / "device-plugin"))


def inside(node: Node, *command: str) -> tuple[str, ...]:
    """`command`, to be run on the node."""
    target = str(Process(f"{node.name}-init").pid)
    return ("nsenter", "--target", target, "--net", "--mount", "--pid", "--", *command)


def wait_for_containerd(node: Node) -> None:
    """Returns once containerd takes images and containers."""
    socket = node.folder / "run/containerd/containerd.sock"
    wait_for(f"The start of containerd on {node.name}", socket.is_socket, _DEADLINE_S)
    run(*inside(node, "ctr", "version"))


def _start(node: Node, name: str, *command: str) -> None:
    Process(f"{node.name}-{name}").start(*inside(node, *command))


def _configure(node: Node, file: str) -> None:
    template = string.Template((_CONFIGURATION / file).read_text())
    values = {
        "folder": node.folder,
        "node": node.name,
        "address": node.address,
        "pods": node.pods,
        "all_pods": PODS,
        "dns": DNS_SERVICE,
        "cgroup": cgroups.root(node),
        "authority": AUTHORITY,
        "pki": PKI,
        "more": node.kubelet,
    }
    (node.folder / file).write_text(template.substitute(values))


def _program(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
