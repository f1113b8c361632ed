"""Every container has its share, and what is pinned has whole cores to itself."""

from typing import Any

from tests.charts.helm import Manifest
from tests.charts.objects import environment, installed, pods


def test_cores_and_memory_are_requested_and_limited(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for container in pod.containers:
            for bound in ("requests", "limits"):
                assert {"cpu", "memory"} <= container["resources"][bound].keys(), pod.part


def test_memory_that_is_used_is_memory_that_was_reinstalled(manifests: list[Manifest]) -> None:
    for pod in installed(manifests):
        for container in pod.containers:
            resources = container["resources"]
            assert resources["requests"]["memory"] == resources["limits"]["memory"], pod.part


def test_pinned_pods_are_guaranteed_whole_cores(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in installed(manifests):
        if values[pod.part]["pinned"]:
            for container in pod.containers:
                resources = container["resources"]
                assert resources["requests"] == resources["limits"], pod.part
                assert resources["limits"]["cpu"].isdecimal(), pod.part


def test_cores_are_those_asked_for(manifests: list[Manifest], values: dict[str, Any]) -> None:
    for pod in installed(manifests):
        (container,) = pod.spec["containers"]
        asked = float(values[pod.part]["cpu"])
        given = {bound: float(it["cpu"]) for bound, it in container["resources"].items()}
        assert given["requests"] == asked
        if pod.part == "operator":
            assert given["limits"] == asked
        else:
            assert asked <= given["limits"] < asked + 1
            assert given["limits"].is_integer()


def test_threads_are_counted_from_the_containers_own_limit(manifests: list[Manifest]) -> None:
    for pod in installed(manifests):
        if pod.part != "operator":
            threads = environment(pod.spec["containers"][0])["BABBLEFISH_THREADS"]
            assert threads["valueFrom"]["resourceFieldRef"]["resource"] == "limits.cpu"


def test_each_knows_whether_its_cores_should_be_its_own(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in installed(manifests):
        if pod.part != "operator":
            told = environment(pod.spec["containers"][0])["BABBLEFISH_PINNED"]["value"]
            assert told == str(values[pod.part]["pinned"]).lower(), pod.part
