"""On the user's node of 128 cores: what fits runs, what does not is told, with the arithmetic."""

from collections.abc import Iterator

import pytest

from cluster import Cluster
from cluster.layout import REFERENCE
from conftest import GOVERNED
from deployment import OURS, Release
from meetings import apply, meeting, replicas, until

MANY = {"minReplicas": 5, "maxReplicas": 9}
REST = 32 + 8 + 4
"""Cores of translator, gateway and speaker; here the translator requests them all."""


@pytest.fixture(scope="module")
def reference(there: Cluster) -> Iterator[Release]:
    """Stages as `values.yaml` has them, on the reference node; the operator is a real one.

    Nobody can talk to pods of a node that is not there: the gateway does not wait for them.
    """
    if not there.ours:
        pytest.skip("skipped, because a cluster that is not ours has no reference node")
    release = Release(there, "capacity", "capacity")
    fake = [
        flag
        for part in ("translator", "synthesizer")
        for flag in (
            f"--set={part}.nodeSelector.kubernetes\\.io/hostname={REFERENCE.name}",
            f"--set={part}.tolerations[0].operator=Exists",
        )
    ]
    small = [
        flag
        for part in ("gateway", "operator")
        for flag in (f"--set={part}.pinned=false", f"--set={part}.cpu=0.1")
    ]
    impatient = ("--set=gateway.extraEnv[0].name=BABBLEFISH_WARM_UP",
                 "--set-string=gateway.extraEnv[0].value=false")  # fmt: skip
    release.install(OURS, *fake, *small, *impatient, *GOVERNED, "--set=ingress.enabled=false",
                    f"--set=translator.cpu={REST}", "--set=synthesizer.cpu=16")  # fmt: skip
    yield release
    release.uninstall()
    there.kubectl("delete", "namespace", release.namespace, "--wait=false")


async def test_five_fit_and_the_sixth_is_reported(reference: Release) -> None:
    with meeting(reference, "plenary", synthesizer=MANY) as plenary:
        await until(lambda: replicas(reference) == 5)
        await until(lambda: plenary.found["status"]["synthesizer"]["ready"] == 5)
        assert plenary.condition("ScalingLimited")["status"] == "False"

        apply(reference, "plenary", synthesizer={**MANY, "minReplicas": 6})
        plenary.wait("condition=ScalingLimited")
        limited = plenary.condition("ScalingLimited")
        assert limited["reason"] == "CapacityLimited"
        assert "within 6 to 9: 6 replicas. All nodes together hold 5" in limited["message"]
        assert plenary.found["status"]["synthesizer"]["limitedBy"] == "Capacity"
        assert replicas(reference) == 5


async def test_what_becomes_free_is_used(reference: Release) -> None:
    """The translator goes, and the sixth comes."""
    with meeting(reference, "plenary", synthesizer={**MANY, "minReplicas": 6}) as plenary:
        plenary.wait("condition=ScalingLimited")
        translator = f"deployment/{reference.fullname}-translator"
        reference.kubectl("scale", translator, "--replicas=0")
        await until(lambda: replicas(reference) == 6, seconds=60)
        plenary.wait("condition=ScalingLimited=false")
