"""What the cluster itself runs: CoreDNS, traefik as in k3s, and the node that is not there."""

import json
import string
from pathlib import Path

from cluster.commands import run
from cluster.layout import DNS_SERVICE, HERE, KUBECONFIG, NODES, REFERENCE, SERVER

_MANIFESTS = HERE / "manifests"
_DEADLINE = "--timeout=60s"


def apply(programs: Path) -> None:
    """Hands over the manifests. The programs need no image: pods find them on their node."""
    _kubectl(programs, "wait", "--for=create", "namespace/kube-system", _DEADLINE)
    values = {"programs": programs, "dns": DNS_SERVICE}
    manifests = "\n---\n".join(
        string.Template(path.read_text()).substitute(values)
        for path in sorted(_MANIFESTS.glob("*.yaml"))
    )
    _kubectl(programs, "apply", "--filename=-", given=manifests)
    _balance(programs)


def wait_until_nodes_ready(programs: Path) -> None:
    """Returns once every node takes pods."""
    nodes = [f"node/{node.name}" for node in NODES]
    _kubectl(programs, "wait", "--for=create", *nodes, _DEADLINE)
    _kubectl(programs, "wait", "--for=condition=Ready", *nodes, f"node/{REFERENCE.name}", _DEADLINE)


def wait_until_available(programs: Path) -> None:
    """Returns once names are resolved and ingresses served."""
    in_system = ("--namespace=kube-system", "wait", "--for=condition=Available")
    _kubectl(programs, *in_system, "deployment/coredns", "deployment/traefik", _DEADLINE)


def _balance(programs: Path) -> None:
    """Says what a load balancer would: traefik is at the server's address (by kube-proxy)."""
    status = {"status": {"loadBalancer": {"ingress": [{"ip": SERVER.address}]}}}
    patch = ("patch", "service/traefik", "--subresource=status", f"--patch={json.dumps(status)}")
    _kubectl(programs, "--namespace=kube-system", *patch)


def _kubectl(programs: Path, *arguments: str, given: str | None = None) -> None:
    run(str(programs / "kubectl"), f"--kubeconfig={KUBECONFIG}", *arguments, given=given)
