"""An upgrade costs no sentence, and needs no cores that are not there."""

from typing import Any

from babblefish.settings import Settings
from tests.charts.helm import Manifest
from tests.charts.objects import by_part, served, stages

_DRAIN_S = max(
    float(Settings.model_fields[it].default) for it in ("drain_s", "utterance_deadline_s")
)


def test_there_is_never_a_second_gateway_or_operator(manifests: list[Manifest]) -> None:
    deployments = by_part(manifests, "Deployment")
    for part in ("gateway", "operator"):
        assert deployments[part]["spec"]["replicas"] == 1
        assert deployments[part]["spec"]["strategy"] == {"type": "Recreate"}


def test_pinned_stages_never_surge_and_others_never_lack(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for stage in stages(values):
        rolling = by_part(manifests, "Deployment")[stage]["spec"]["strategy"]["rollingUpdate"]
        pinned = int(values[stage]["pinned"])
        assert rolling == {"maxSurge": 1 - pinned, "maxUnavailable": pinned}


def test_replicas_are_left_out_where_somebody_else_scales(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for stage in stages(values):
        spec = by_part(manifests, "Deployment")[stage]["spec"]
        assert spec.get("replicas") == values[stage]["replicas"]
        assert ("replicas" in spec) is (values[stage]["replicas"] is not None)


def test_what_is_in_hand_is_finished_before_the_end(manifests: list[Manifest]) -> None:
    for pod in served(manifests):
        (container,) = pod.spec["containers"]
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {"seconds": 0})
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        # A laptop returns what it cannot finish at once.
        assert pod.part in {"operator", "cloner"} or grace > pause["seconds"] + _DRAIN_S


def test_a_stage_serves_until_gateways_know_that_it_leaves(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    pausing = {pod.part for pod in served(manifests) if "lifecycle" in pod.spec["containers"][0]}
    assert pausing == set(stages(values))
