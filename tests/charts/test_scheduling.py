"""Where pods go, and what they carry, is the user's to say for each component."""

from typing import Any

import pytest

from tests.charts import helm
from tests.charts.helm import Manifest
from tests.charts.objects import (
    COMPONENT,
    LAPTOPS,
    WORKLOADS,
    environment,
    installed,
    of_kind,
    part,
)

_FIELDS = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "priorityClassName",
)
_OURS: dict[str, dict[str, Any]] = {
    "cloner": LAPTOPS,
    "training": {"affinity": {"podAffinity"}},
}
"""What the chart itself says of nodes."""


@pytest.mark.parametrize("field", _FIELDS)
def test_a_field_of_the_pod_is_the_components_value(
    manifests: list[Manifest], values: dict[str, Any], field: str
) -> None:
    for pod in installed(manifests):
        given = pod.spec.get(field)
        if field in _OURS.get(pod.part, {}):
            given = _without(given, _OURS[pod.part][field])
        assert given == (values[pod.part].get(field) or None), pod.part


def _without(given: Any, ours: Any) -> Any:  # noqa: ANN401 labels or taints
    if isinstance(given, dict):
        return {key: it for key, it in given.items() if key not in ours} or None
    return [it for it in given if it not in ours] or None


def test_replicas_spread_among_their_own(manifests: list[Manifest], values: dict[str, Any]) -> None:
    for pod in installed(manifests):
        wanted = values[pod.part].get("topologySpreadConstraints", [])
        spread = pod.spec.get("topologySpreadConstraints", [])
        for asked, given in zip(wanted, spread, strict=True):
            own = given["labelSelector"]["matchLabels"]
            assert given == {**asked, "labelSelector": {"matchLabels": own}}
            assert pod.labels.items() >= own.items()
            assert own[COMPONENT] == pod.part


def test_annotations_reach_the_pods(manifests: list[Manifest], values: dict[str, Any]) -> None:
    for deployment in of_kind(manifests, *WORKLOADS):
        wanted = values[part(deployment)]["podAnnotations"]
        annotations = deployment["spec"]["template"]["metadata"].get("annotations", {})
        assert annotations.items() >= wanted.items()


def test_labels_are_added_to_ours(manifests: list[Manifest], values: dict[str, Any]) -> None:
    for pod in installed(manifests):
        wanted = {k: v for k, v in values[pod.part]["podLabels"].items() if k != COMPONENT}
        assert pod.labels.items() >= wanted.items()
        assert pod.labels[COMPONENT] == pod.part


def test_more_variables_come_after_ours(manifests: list[Manifest], values: dict[str, Any]) -> None:
    for pod in installed(manifests):
        variables = pod.spec["containers"][0]["env"]
        extra = values[pod.part]["extraEnv"]
        assert variables[len(variables) - len(extra) :] == extra
        assert len(environment(pod.spec["containers"][0])) == len(variables)


def test_a_variable_that_the_chart_sets_is_refused_by_name() -> None:
    sets = ('translator.extraEnv=[{"name": "BABBLEFISH_PORT", "value": "1"}]',)
    with pytest.raises(helm.Refused, match=r"translator\.extraEnv: BABBLEFISH_PORT is set by"):
        helm.render(sets=sets)
