"""Where the CPU manager is static a pod of whole cores has them to itself; everybody knows."""

import contextlib
import json
from collections.abc import Iterator

import httpx
import pytest
from tests.gateway.test_insight import figures

from cluster import Cluster
from cluster.layout import LAPTOP, PREPARED, Node
from deployment import CHART, LIGHT, OURS, Release, bring_images
from environment import environment, mounted, why_not
from meetings import until

_TEMPLATES = ("templates/serviceaccounts.yaml", "templates/stages/deployment.yaml")
_NEIGHBOUR = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "neighbour"},
    "spec": {
        "nodeName": PREPARED.name,
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "neighbour",
                "image": "localhost/babblefish-stage-runtime:dev",
                "imagePullPolicy": "Never",
                "command": ["sleep", "600"],
            }
        ],
    },
}
"""Wants nothing, and so gets what nobody has asked for."""


@pytest.fixture(scope="module")
def nodes(there: Cluster) -> tuple[str, str]:
    """With and without a static CPU manager; both have the image."""
    if reason := why_not(there):
        pytest.skip(f"skipped, because {reason}")
    names = (PREPARED.name, LAPTOP.name)
    bring_images(there, ("stage-runtime",), names)
    return names


@contextlib.contextmanager
def one_whole_core(there: Cluster, node: Node) -> Iterator[Release]:
    """A synthesizer as the chart has it, of one core, on this node, and nothing else."""
    release = Release(there, "pinned", f"pinned-{node.name}")
    there.kubectl("create", "namespace", release.namespace)
    try:
        manifests = release.helm("template", release.name, str(CHART), *_values(node))
        there.kubectl("apply", f"--namespace={release.namespace}", "--filename=-", given=manifests)
        deployment = f"deployment/{release.fullname}-synthesizer"
        release.kubectl("rollout", "status", deployment, "--timeout=120s")
        yield release
    finally:
        there.kubectl("delete", "namespace", release.namespace, "--wait=false")


def _values(node: Node) -> list[str]:
    selector = json.dumps({"kubernetes.io/hostname": node.name})
    return [
        "--kube-version=1.34",
        *(f"--show-only={template}" for template in _TEMPLATES),
        *(f"--values={values}" for values in (LIGHT, OURS)),
        "--set=translator.replicas=0,synthesizer.replicas=1",
        "--set=synthesizer.pinned=true,synthesizer.cpu=1",
        "--set=synthesizer.image.repository=babblefish-stage-runtime",
        f"--set-json=synthesizer.nodeSelector={selector}",
        '--set-json=synthesizer.tolerations=[{"operator": "Exists"}]',
        *mounted(environment(), "synthesizer"),
    ]


@pytest.mark.usefixtures("nodes")
async def test_on_a_prepared_node_its_core_is_nobody_elses(there: Cluster) -> None:
    with one_whole_core(there, PREPARED) as release:
        (pod,) = release.pods("synthesizer")
        own = _allowed(release, pod)
        assert len(own) == 1
        release.cluster.kubectl("apply", f"--namespace={release.namespace}", "--filename=-",
                                given=json.dumps(_NEIGHBOUR))  # fmt: skip
        release.kubectl("wait", "pod/neighbour", "--for=condition=Ready", "--timeout=60s")
        assert _alone_there(there, pod)
        await until(lambda: not own & _allowed(release, "neighbour"))
        assert _told(release, pod) == (1, 1)


@pytest.mark.usefixtures("nodes")
def test_on_any_other_node_it_says_that_they_are_shared(there: Cluster) -> None:
    with one_whole_core(there, LAPTOP) as release:
        (pod,) = release.pods("synthesizer")
        assert release.get("pod", pod)["status"]["qosClass"] == "Guaranteed"
        assert len(_allowed(release, pod)) > 1
        assert _told(release, pod) == (1, 0)
        assert "cores_are_shared" in release.kubectl("logs", pod)


def _allowed(release: Release, pod: str) -> set[int]:
    """The CPUs of its first process, by the kernel's word (proc_pid_status(5))."""
    status = release.kubectl("exec", pod, "--", "cat", "/proc/1/status")
    (line,) = [it for it in status.splitlines() if it.startswith("Cpus_allowed_list:")]
    ranges = [it.split("-") for it in line.split()[1].split(",")]
    return {cpu for it in ranges for cpu in range(int(it[0]), int(it[-1]) + 1)}


def _alone_there(there: Cluster, pod: str) -> bool:
    """Whether it and its neighbour are all that runs on the prepared node."""
    found = there.kubectl("get", "pods", "--all-namespaces", "--output=name",
                          f"--field-selector=spec.nodeName={PREPARED.name}")  # fmt: skip
    return set(found.split()) == {f"pod/{pod}", "pod/neighbour"}


def _told(release: Release, pod: str) -> tuple[float, float]:
    """What its metrics say: its cores, and whether they are its own."""
    address = release.get("pod", pod)["status"]["podIP"]
    told = figures(httpx.get(f"http://{address}:9001/metrics").text)
    stage = "synthesizer"
    return told[f"babblefish_stage_cores.{stage}"], told[f"babblefish_stage_pinned.{stage}"]
