"""Kubernetes knows of every pod that serves whether it lives, and whether it may be called."""

from tests.charts.helm import Manifest
from tests.charts.objects import served

_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def test_all_three_probes_ask_a_declared_port(manifests: list[Manifest]) -> None:
    for pod in served(manifests):
        for container in pod.spec["containers"]:
            for probe in _PROBES:
                assert container[probe]["httpGet"]["port"] in pod.ports, f"{pod.part} {probe}"


def test_probes_ask_the_port_no_ingress_reaches(manifests: list[Manifest]) -> None:
    for pod in served(manifests):
        for probe in _PROBES:
            port = pod.spec["containers"][0][probe]["httpGet"]["port"]
            assert pod.ports[port] == 9001, f"{pod.part} {probe}"


def test_warming_up_costs_readiness_never_life(manifests: list[Manifest]) -> None:
    for pod in served(manifests):
        (container,) = pod.spec["containers"]
        paths = {probe: container[probe]["httpGet"]["path"] for probe in _PROBES}
        ready = "/health" if pod.part == "operator" else "/ready"
        assert tuple(paths.values()) == ("/health", "/health", ready), pod.part


def test_a_slow_start_is_waited_for(manifests: list[Manifest]) -> None:
    for pod in served(manifests):
        startup = pod.spec["containers"][0]["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 300, pod.part
