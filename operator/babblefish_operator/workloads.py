"""Deployments, pods and nodes, from the API server's JSON to what decisions rest on."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from babblefish_operator.api import Json
from babblefish_operator.capacity import Node, Pod, Resources, Taint, Toleration
from babblefish_operator.model import Fleet
from babblefish_operator.quantities import quantity


def labelled(body: Json, labels: Mapping[str, str]) -> bool:
    """Whether it has all of them."""
    has = body["metadata"].get("labels", {})
    return all(has.get(key) == value for key, value in labels.items())


def labels_of(selector: str) -> dict[str, str]:
    """`a=b,c=d` as a mapping."""
    return dict(pair.split("=", 1) for pair in selector.split(","))


def serving(pod: Json) -> bool:
    """Whether it is ready and stays."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and not terminating(pod)


def reachable(pod: Json) -> bool:
    """Whether it has an address, and is not over."""
    return holding(pod) and bool(pod.get("status", {}).get("podIP"))


def terminating(pod: Json) -> bool:
    """Whether it is about to go."""
    return "deletionTimestamp" in pod["metadata"]


OURS = "babblefish.io/replicas"
"""Annotation of a Deployment: who chooses how many replicas it has."""


def fleet(deployment: Json) -> Fleet:
    """How many there are, and whether they are being replaced or are still leaving."""
    spec, status = deployment["spec"], deployment.get("status", {})
    replicas, total = spec.get("replicas", 1), status.get("replicas", 0)
    unseen = status.get("observedGeneration", 0) < deployment["metadata"]["generation"]
    rolling = unseen or status.get("updatedReplicas", 0) < total or total > replicas
    ours = deployment["metadata"].get("annotations", {}).get(OURS) == "operator"
    return Fleet(replicas, status.get("readyReplicas", 0), rolling, ours)


def node(body: Json) -> Node:
    """A machine."""
    spec = body.get("spec", {})
    return Node(
        name=body["metadata"]["name"],
        allocatable=_resources(body["status"].get("allocatable", {})),
        labels=body["metadata"].get("labels", {}),
        taints=tuple(_taint(taint) for taint in spec.get("taints", [])),
        schedulable=not spec.get("unschedulable", False),
    )


def pod(body: Json, ours: Mapping[str, str]) -> Pod:
    """What it takes, and where; `ours` are labels of the synthesizer's pods."""
    spec = body["spec"]
    return Pod(
        requests=requests(spec),
        node=spec.get("nodeName"),
        ours=labelled(body, ours),
        terminating=terminating(body),
        selector=spec.get("nodeSelector", {}),
        tolerations=tuple(_toleration(each) for each in spec.get("tolerations", [])),
    )


def replica(deployment: Json) -> Pod:
    """What one more of it would take."""
    template = deployment["spec"]["template"]
    return pod({"metadata": {}, **template}, {})


def holding(body: Json) -> bool:
    """Whether it takes room: one that has ended does not."""
    return body.get("status", {}).get("phase") not in {"Succeeded", "Failed"}


def requests(spec: Json) -> Resources:
    """What the scheduler reckons with: containers together, or the largest init container.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
    """
    sidecars: Resources = {}
    peak: Resources = {}
    for container in spec.get("initContainers", []):
        own = _requests(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum([sidecars, own])
            own = {}
        peak = _most(peak, _sum([sidecars, own]))
    running = _sum([sidecars, *map(_requests, spec["containers"])])
    whole = _sum([_most(peak, running), _resources(spec.get("overhead", {}))])
    return {**whole, **_requests(spec)}  # of the pod as a whole, where it says so


def _requests(container: Json) -> Resources:
    """A limit is a request where there is no other."""
    resources = container.get("resources", {})
    return _resources({**resources.get("limits", {}), **resources.get("requests", {})})


def _resources(written: Mapping[str, str | int]) -> Resources:
    return {name: quantity(amount) for name, amount in written.items()}


def _sum(each: Iterable[Resources]) -> Resources:
    total: dict[str, Fraction] = {}
    for resources in each:
        for name, amount in resources.items():
            total[name] = total.get(name, Fraction(0)) + amount
    return total


def _most(one: Resources, other: Resources) -> Resources:
    names = {*one, *other}
    return {name: max(one.get(name, Fraction(0)), other.get(name, Fraction(0))) for name in names}


def _taint(written: Json) -> Taint:
    return Taint(written["key"], written.get("value", ""), written["effect"])


def _toleration(written: Json) -> Toleration:
    return Toleration(
        written.get("key", ""),
        written.get("value", ""),
        written.get("effect", ""),
        exists=written.get("operator") == "Exists",
    )
