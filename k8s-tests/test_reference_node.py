"""The user's figures, on a node of 128 cores (in name only)."""

from collections.abc import Iterator

import pytest

from cluster import Cluster
from cluster.layout import REFERENCE
from deployment import Release

PARTS = ("gateway", "translator", "synthesizer", "operator")


@pytest.fixture(scope="module")
def production(there: Cluster) -> Iterator[Release]:
    """`values.yaml` as it is, sent to the reference node."""
    release = Release(there, "production", "production")
    where = [
        flag
        for part in PARTS
        for flag in (
            f"--set={part}.nodeSelector.kubernetes\\.io/hostname={REFERENCE.name}",
            f"--set={part}.tolerations[0].operator=Exists",
        )
    ]
    release.install(*where, "--set=synthesizer.replicas=5", "--set=ingress.enabled=false")
    yield release
    release.uninstall()
    there.kubectl("delete", "namespace", "production", "--wait=false")


@pytest.mark.parametrize("part", PARTS)
def test_production_pods_are_all_scheduled_and_guaranteed(production: Release, part: str) -> None:
    pods = [production.get("pod", name) for name in production.pods(part)]
    assert len(pods) == (5 if part == "synthesizer" else 1)
    for pod in pods:
        assert pod["spec"]["nodeName"] == REFERENCE.name
        assert pod["status"]["qosClass"] == "Guaranteed"


def test_a_sixth_synthesizer_does_not_fit(production: Release) -> None:
    production.kubectl("scale", "deployment/production-synthesizer", "--replicas=6")
    waiting = production.kubectl(
        "wait", "pods", "--selector=app.kubernetes.io/component=synthesizer",
        "--for=jsonpath={.status.conditions[?(@.type=='PodScheduled')].reason}=Unschedulable",
        "--timeout=30s", "--all=false", "--field-selector=status.phase=Pending",
    )  # fmt: skip
    assert "condition met" in waiting
