"""How many replicas the nodes really hold: what others request, terminating pods too, is taken.

Node selectors and taints are respected; affinities and spread are the scheduler's own business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

Resources = Mapping[str, Fraction]


@dataclass(frozen=True)
class Taint:
    """What keeps pods off a node that do not tolerate it."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"


@dataclass(frozen=True)
class Toleration:
    """No key tolerates every key, no effect every effect."""

    key: str = ""
    value: str = ""
    effect: str = ""
    exists: bool = False

    def covers(self, taint: Taint) -> bool:
        """Whether a pod with it may go where that taint is."""
        same_key = self.key == taint.key or (self.exists and not self.key)
        same_value = self.exists or self.value == taint.value
        return same_key and same_value and self.effect in {"", taint.effect}


@dataclass(frozen=True)
class Node:
    """A machine, and what it has for pods."""

    name: str
    allocatable: Resources
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    schedulable: bool = True


@dataclass(frozen=True)
class Pod:
    """What it takes, and from whom; no node: it still waits for one."""

    requests: Resources
    node: str | None = None
    ours: bool = False
    terminating: bool = False
    selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


def fits(replica: Pod, nodes: Iterable[Node], pods: Iterable[Pod]) -> int:
    """How many of `replica` there can be at once, those that run included."""
    pods = tuple(pods)
    waiting = [pod for pod in pods if pod.node is None and not pod.ours]
    held = 0
    for node in nodes:
        here = [pod for pod in pods if pod.node == node.name]
        running = sum(pod.ours and not pod.terminating for pod in here)
        others = [pod.requests for pod in here if not pod.ours or pod.terminating]
        # Whoever waits for a node was there first: a restarted translator finds its cores free.
        claimed = [pod.requests for pod in waiting if welcome(pod, node)]
        # One that runs has its place, even on a node that takes no new ones.
        held += max(running, _room(replica, node, [*others, *claimed]))
    return held


def welcome(pod: Pod, node: Node) -> bool:
    """Whether the scheduler may put it there."""
    selected = all(node.labels.get(key) == value for key, value in pod.selector.items())
    tolerated = all(_tolerated(pod, taint) for taint in node.taints)
    return node.schedulable and selected and tolerated


def _tolerated(pod: Pod, taint: Taint) -> bool:
    return taint.effect == "PreferNoSchedule" or any(
        toleration.covers(taint) for toleration in pod.tolerations
    )


def _room(replica: Pod, node: Node, taken: list[Resources]) -> int:
    if not welcome(replica, node):
        return 0
    needs = {**replica.requests, "pods": Fraction(1)}
    each = [
        (_free(node, taken, resource)) // amount for resource, amount in needs.items() if amount > 0
    ]
    return max(0, int(min(each)))


def _free(node: Node, taken: list[Resources], resource: str) -> Fraction:
    """A pod takes one of `pods`, whatever else it requests."""
    total = node.allocatable.get(resource, Fraction(0))
    if resource == "pods":
        return total - len(taken)
    return total - sum((requests.get(resource, Fraction(0)) for requests in taken), Fraction(0))
