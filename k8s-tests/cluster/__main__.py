"""`python -m cluster up|down|status|import|kubectl`."""

import argparse
import logging
import os
import sys

from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.layout import COMPLETE
from cluster.lifecycle import down, up
from cluster.processes import processes


def main() -> None:
    """Does what the command line says."""
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)6.0f ms  %(message)s")
    try:
        _do(_arguments())
    except ClusterError as error:
        sys.exit(str(error))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("cluster", description="A real Kubernetes cluster, here.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start it, or find it running")
    commands.add_parser("down", help="end it and leave nothing")
    commands.add_parser("status", help="its programs and its nodes")
    load = commands.add_parser("import", help="an OCI or Docker archive from stdin")
    load.add_argument("--node", action="append", default=[], help="this node only")
    kubectl = commands.add_parser("kubectl", help="kubectl, on this cluster", add_help=False)
    kubectl.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args()


def _do(arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "up":
            _report(up())
        case "down":
            down()
        case "status":
            _status()
        case "import":
            _started().import_archive(sys.stdin.buffer, *arguments.node)
        case "kubectl":
            _kubectl(arguments.arguments)


def _report(cluster: Cluster) -> None:
    print(f"export KUBECONFIG={cluster.kubeconfig} PATH={cluster.bin}:$PATH")
    print(f"# ingresses answer at http://{cluster.ingress} and https://{cluster.ingress}")


def _status() -> None:
    cluster = _started()
    for process in processes():
        print(f"{process.name:24} {process.pid if process.alive else 'ended'}")
    print(cluster.kubectl("get", "nodes", "--output=wide"), end="")


def _kubectl(arguments: list[str]) -> None:
    cluster = _started()
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
    os.execve(cluster.bin / "kubectl", ["kubectl", *arguments], environment)  # noqa: S606


def _started() -> Cluster:
    if not COMPLETE.exists():
        raise ClusterError("No cluster runs here. Start it with `python -m cluster up`.")
    return Cluster.started()


if __name__ == "__main__":
    main()
