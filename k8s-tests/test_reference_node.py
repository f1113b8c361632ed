"""The user's figures, on a node of 128 cores (in name only)."""

from collections.abc import Iterator

import pytest

from cluster import Cluster
from cluster.layout import REFERENCE
from deployment import FULL, STAGES, Release

PARTS = ("gateway", *STAGES, "operator")


@pytest.fixture(scope="module")
def production(there: Cluster) -> Iterator[Release]:
    """`values-full.yaml` as it is, sent to the reference node."""
    release = Release(there, "production", "production")
    where = [
        flag
        for part in PARTS
        for flag in (
            f"--set={part}.nodeSelector.kubernetes\\.io/hostname={REFERENCE.name}",
            f"--set={part}.tolerations[0].operator=Exists",
        )
    ]
    release.install(FULL, *where, "--set=synthesizer.replicas=5", "--set=ingress.enabled=false")
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
    deployment, before = f"deployment/{production.fullname}-synthesizer", _synthesizers(production)
    production.kubectl("scale", deployment, "--replicas=6")
    production.kubectl("wait", deployment, "--for=jsonpath={.status.replicas}=6", "--timeout=30s")
    (sixth,) = _synthesizers(production) - before
    production.kubectl(
        "wait", f"pod/{sixth}", "--for=condition=PodScheduled=false", "--timeout=30s"
    )
    conditions = production.get("pod", sixth)["status"]["conditions"]
    assert any("Insufficient cpu" in condition.get("message", "") for condition in conditions)


def _synthesizers(release: Release) -> set[str]:
    return set(release.pods("synthesizer"))
