"""Objects say what they are, and selectors find their own pods and no others."""

from typing import Any

from tests.charts.helm import NAMESPACE, Manifest
from tests.charts.objects import CLUSTERWIDE, SERVED, WORKLOADS, name, namespaced, of_kind, pods

_COMMON = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}


def test_every_object_says_what_it_is(manifests: list[Manifest], values: dict[str, Any]) -> None:
    own = {k: v for k, v in values["commonLabels"].items() if k not in _COMMON}
    for manifest in manifests:
        labels = manifest["metadata"]["labels"]
        assert labels.keys() >= _COMMON, name(manifest)
        assert labels.items() >= own.items(), name(manifest)


def test_every_object_is_in_the_releases_namespace_or_in_none(manifests: list[Manifest]) -> None:
    assert {it["metadata"]["namespace"] for it in namespaced(manifests)} == {NAMESPACE}
    for manifest in of_kind(manifests, *CLUSTERWIDE):
        assert "namespace" not in manifest["metadata"]


def test_every_deployment_selects_its_own_pods_only(manifests: list[Manifest]) -> None:
    for workload in of_kind(manifests, *SERVED):
        template = workload["spec"]["template"]["metadata"]["labels"]
        assert _found(manifests, workload["spec"]["selector"]["matchLabels"]) == [template]


def test_services_policies_and_budgets_find_one_deployments_pods(
    manifests: list[Manifest],
) -> None:
    for manifest in of_kind(manifests, "Service", "NetworkPolicy", "PodDisruptionBudget"):
        spec = manifest["spec"]
        selector = spec.get("podSelector", spec.get("selector"))
        labels = selector.get("matchLabels", selector)
        component = manifest["metadata"]["labels"]["app.kubernetes.io/component"]
        (found,) = _found(manifests, labels)
        assert found["app.kubernetes.io/component"] == component


def test_an_upgrade_that_changes_nothing_restarts_nobody(manifests: list[Manifest]) -> None:
    for workload in of_kind(manifests, *WORKLOADS):
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert not labels.keys() & {"app.kubernetes.io/version", "helm.sh/chart"}


def _found(manifests: list[Manifest], selector: dict[str, str]) -> list[dict[str, str]]:
    return [pod.labels for pod in pods(manifests) if pod.labels.items() >= selector.items()]
