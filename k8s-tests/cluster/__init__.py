"""A real Kubernetes cluster on this machine: three nodes, and one of 128 cores in name only."""

from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.lifecycle import down, up
from cluster.requirements import why_not

__all__ = ["Cluster", "ClusterError", "down", "up", "why_not"]
