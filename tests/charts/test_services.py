"""Whoever calls a Service, or comes in by the Ingress, arrives at a port that is open."""

from typing import Any

from tests.charts.helm import Manifest
from tests.charts.objects import (
    by_part,
    environment,
    installed,
    name,
    of_kind,
    part,
    served,
    stages,
)


def test_every_target_port_is_open(manifests: list[Manifest]) -> None:
    ports = {pod.part: pod.ports for pod in served(manifests)}
    for service in of_kind(manifests, "Service"):
        for port in service["spec"]["ports"]:
            assert ports[part(service)][port["targetPort"]] == port["port"]


def test_stages_are_headless_and_show_ready_replicas_only(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    services = by_part(manifests, "Service")
    for stage in stages(values):
        assert services[stage]["spec"]["clusterIP"] == "None"
        assert services[stage]["spec"]["publishNotReadyAddresses"] is False


def test_the_gateway_calls_the_stages_by_their_services(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    services = by_part(manifests, "Service")
    (gateway,) = [pod for pod in served(manifests) if pod.part == "gateway"]
    variables = environment(gateway.spec["containers"][0])
    for stage in stages(values):
        address = f"http://{name(services[stage])}:9001"
        assert variables[f"BABBLEFISH_{stage.upper()}"]["value"] == address


def test_no_service_opens_the_admin_port(manifests: list[Manifest]) -> None:
    assert [it["port"] for it in by_part(manifests, "Service")["gateway"]["spec"]["ports"]] == [
        9000
    ]


def test_service_links_do_not_become_settings(manifests: list[Manifest]) -> None:
    """A Service `babblefish-gateway` would be the variable BABBLEFISH_GATEWAY_PORT."""
    assert all(pod.spec["enableServiceLinks"] is False for pod in installed(manifests))
