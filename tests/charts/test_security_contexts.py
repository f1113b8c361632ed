"""No pod can do what it need not: the "restricted" Pod Security Standard, and a fixed root."""

from tests.charts.helm import Manifest
from tests.charts.objects import pods


def test_pods_run_as_somebody_with_no_rights(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True, pod.part
        assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001), pod.part
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, pod.part


def test_containers_cannot_rise(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, pod.part


def test_nothing_of_the_node_is_shared_but_its_models(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.spec.keys(), pod.part
        shared = [volume["name"] for volume in pod.spec["volumes"] if "hostPath" in volume]
        assert set(shared) <= {"models"}, pod.part
