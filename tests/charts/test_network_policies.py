"""Phones reach the gateway; stages hear from the gateway alone, and call nobody."""

from typing import Any

from tests.charts.helm import Manifest
from tests.charts.objects import COMPONENT, PARTS, STAGES, by_part


def test_every_component_has_one(manifests: list[Manifest], values: dict[str, Any]) -> None:
    expected = set(PARTS) if values["networkPolicy"]["enabled"] else set()
    assert by_part(manifests, "NetworkPolicy").keys() == expected


def test_anybody_reaches_the_gateway_on_9000_only(manifests: list[Manifest]) -> None:
    for part, policy in by_part(manifests, "NetworkPolicy").items():
        open_to_all = [it for it in policy["spec"].get("ingress", []) if not it.get("from")]
        ports = [port["port"] for rule in open_to_all for port in rule["ports"]]
        assert ports == ([9000] if part == "gateway" else [])


def test_stages_hear_from_the_gateway_and_from_who_reads_metrics(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    policies = by_part(manifests, "NetworkPolicy")
    for stage in STAGES if policies else ():
        (rule,) = policies[stage]["spec"]["ingress"]
        gateway, *readers = rule["from"]
        assert gateway["podSelector"]["matchLabels"][COMPONENT] == "gateway"
        assert readers == values["networkPolicy"]["metricsFrom"]


def test_stages_call_nobody(manifests: list[Manifest]) -> None:
    policies = by_part(manifests, "NetworkPolicy")
    for stage in STAGES if policies else ():
        assert policies[stage]["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert "egress" not in policies[stage]["spec"]
