"""The cluster's cables: a bridge on the host, and a network namespace for each node.

The host reaches nodes, pods and Services by routes; no rule of its firewall is touched. The
nodes have no way out to the internet: what a test needs, it brings.
"""

import ipaddress
import json
from pathlib import Path

from cluster.commands import run
from cluster.layout import BRIDGE, HOST, NETWORK, NODES, PODS, SERVER, SERVICES, Node


def create() -> None:
    """The bridge, then every node's namespace."""
    _ip(
        f"link add {BRIDGE} type bridge",
        f"address add {HOST}/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
    )
    for node in NODES:
        _connect(node)
    # The pods of no node: looked for here and not at the host's gateway.
    _ip(f"route add {PODS} dev {BRIDGE}")
    # Behind the server's kube-proxy: webhooks and tests call Services by their cluster address.
    _ip(f"route add {SERVICES} via {SERVER.address}")


def plug(node: Node, *, in_: bool) -> None:
    """The node's cable; what it has going on finds out by its own deadlines."""
    _ip(f"link set {node.link} {'up' if in_ else 'down'}")


def remove() -> None:
    """Everything of it, however much there is. The routes go with the bridge."""
    for link in (*(node.link for node in NODES), BRIDGE):
        if Path("/sys/class/net", link).exists():
            _ip(f"link delete {link}")
    for node in NODES:
        if Path("/run/netns", node.namespace).exists():
            _ip(f"netns delete {node.namespace}")


def foreign_route() -> str | None:
    """A route of somebody else's into our addresses."""
    for route in json.loads(run("ip", "-json", "-4", "route", "show", "table", "all")):
        if route["dst"] == "default" or route.get("dev") == BRIDGE:
            continue
        if ipaddress.ip_network(route["dst"]).overlaps(NETWORK):
            return f"{route['dst']} ({route.get('dev', 'no device')})"
    return None


def _connect(node: Node) -> None:
    _ip(
        f"netns add {node.namespace}",
        f"link add {node.link} type veth peer name eth0 netns {node.namespace}",
        f"link set {node.link} master {BRIDGE} up",
        f"route add {node.pods} via {node.address}",
    )
    _ip(
        "link set lo up",
        "link set eth0 up",
        f"address add {node.address}/24 dev eth0",
        # Where a program on the node calls a Service: kube-proxy sends it elsewhere.
        f"route add {SERVICES} via {HOST}",
        *(f"route add {other.pods} via {other.address}" for other in NODES if other != node),
        namespace=node.namespace,
    )


def _ip(*commands: str, namespace: str | None = None) -> None:
    where = ("-netns", namespace) if namespace else ()
    run("ip", *where, "-batch", "-", given="\n".join(commands) + "\n")
