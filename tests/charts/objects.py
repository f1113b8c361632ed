"""Ways through a chart's objects."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.charts.helm import Manifest

Container = dict[str, Any]
PARTS = ("gateway", "translator", "synthesizer", "speaker", "cloner", "training", "operator")
SERVED = ("Deployment", "DaemonSet")
WORKLOADS = (*SERVED, "Job")
LAPTOPS: dict[str, Any] = {
    "nodeSelector": {"babblefish.io/accelerator": "f5"},
    "tolerations": [{"key": "babblefish.io/accelerator", "value": "f5", "effect": "NoSchedule"}],
}
"""How a pod says that it is for laptops."""
COMPONENT = "app.kubernetes.io/component"
DEFINITION = "CustomResourceDefinition"
CLUSTERWIDE = (DEFINITION, "ClusterRole", "ClusterRoleBinding")


def stages(values: dict[str, Any]) -> tuple[str, ...]:
    """Those that the profile has."""
    return ("translator", "synthesizer", *(["speaker"] if values["profile"] == "full" else []))


def parts(values: dict[str, Any]) -> tuple[str, ...]:
    """The components that there are."""
    cloner = ["cloner"] if values["cloner"]["enabled"] else []
    training = ["training"] if values["training"]["voice"] else []
    return ("gateway", *stages(values), *cloner, *training, "operator")


class Pod(NamedTuple):
    """Pods of one kind, as a template describes them."""

    part: str
    labels: dict[str, str]
    spec: dict[str, Any]

    @property
    def containers(self) -> list[Container]:
        """Init containers too: what holds for one holds for all."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def ports(self) -> dict[str, int]:
        """By name."""
        declared = [port for it in self.containers for port in it.get("ports", [])]
        return {port["name"]: port["containerPort"] for port in declared}


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """Those of these kinds."""
    return [it for it in manifests if it["kind"] in kinds]


def namespaced(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Those that are in a namespace."""
    return [it for it in manifests if it["kind"] not in CLUSTERWIDE]


def name(manifest: Manifest) -> str:
    """What it is called."""
    return str(manifest["metadata"]["name"])


def part(manifest: Manifest) -> str:
    """The component it belongs to."""
    return str(manifest["metadata"]["labels"][COMPONENT])


def by_part(manifests: Iterable[Manifest], kind: str) -> dict[str, Manifest]:
    """The objects of a kind, one for each component."""
    return {part(it): it for it in of_kind(manifests, kind)}


def pods(manifests: Iterable[Manifest]) -> list[Pod]:
    """Everything that becomes a pod."""
    bare = [Pod(part(it), it["metadata"]["labels"], it["spec"]) for it in of_kind(manifests, "Pod")]
    return [*installed(manifests), *bare]


def installed(manifests: Iterable[Manifest]) -> list[Pod]:
    """The components' pods."""
    return _templates(manifests, WORKLOADS)


def served(manifests: Iterable[Manifest]) -> list[Pod]:
    """Those that go on."""
    return _templates(manifests, SERVED)


def _templates(manifests: Iterable[Manifest], kinds: tuple[str, ...]) -> list[Pod]:
    templates = [(part(it), it["spec"]["template"]) for it in of_kind(manifests, *kinds)]
    return [Pod(part, it["metadata"]["labels"], it["spec"]) for part, it in templates]


def environment(container: Container) -> dict[str, Any]:
    """Each variable as the pod has it, by name."""
    return {it["name"]: it for it in container.get("env", [])}


def leaves(tree: object) -> Iterator[object]:
    """Every value in a document."""
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
    if inner is None:
        yield tree
        return
    for branch in inner:
        yield from leaves(branch)
