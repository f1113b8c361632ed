"""Phones reach the gateway; stages hear from whom they have to, and call nobody."""

from typing import Any

from tests.charts.helm import Manifest
from tests.charts.objects import COMPONENT, by_part, parts, stages

_CALLERS = {"synthesizer": ["operator"], "speaker": ["training"]}
"""Of stages, beside the gateway."""


def test_every_component_has_one(manifests: list[Manifest], values: dict[str, Any]) -> None:
    expected = set(parts(values)) if values["networkPolicy"]["enabled"] else set()
    assert by_part(manifests, "NetworkPolicy").keys() == expected


def test_anybody_reaches_the_gateway_on_9000_only(manifests: list[Manifest]) -> None:
    for part, policy in by_part(manifests, "NetworkPolicy").items():
        open_to_all = [it for it in policy["spec"].get("ingress", []) if not it.get("from")]
        ports = [port["port"] for rule in open_to_all for port in rule["ports"]]
        assert ports == ([9000] if part == "gateway" else [])


def test_the_operator_calls_the_gateways_admin_port_and_whom_it_likes(
    manifests: list[Manifest],
) -> None:
    """The API server has no labels that a policy could name, and the DNS is where it is."""
    policies = by_part(manifests, "NetworkPolicy")
    for policy in [policies["gateway"]["spec"]] if policies else ():
        (admin,) = [it for it in policy["ingress"] if it["ports"] == [{"port": 9001}]]
        assert admin["from"][0]["podSelector"]["matchLabels"][COMPONENT] == "operator"
        assert policies["operator"]["spec"]["policyTypes"] == ["Ingress"]


def test_stages_hear_from_the_gateway_from_who_needs_them_and_from_who_reads_metrics(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    policies = by_part(manifests, "NetworkPolicy")
    for stage in stages(values) if policies else ():
        (rule,) = policies[stage]["spec"]["ingress"]
        callers = ["gateway", *(it for it in _CALLERS.get(stage, []) if it in parts(values))]
        own, readers = rule["from"][: len(callers)], rule["from"][len(callers) :]
        assert [it["podSelector"]["matchLabels"][COMPONENT] for it in own] == callers
        assert readers == values["networkPolicy"]["metricsFrom"]


def test_stages_call_nobody(manifests: list[Manifest], values: dict[str, Any]) -> None:
    policies = by_part(manifests, "NetworkPolicy")
    for stage in stages(values) if policies else ():
        assert policies[stage]["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert "egress" not in policies[stage]["spec"]


def test_the_cloner_calls_the_gateway_and_the_dns_and_is_called_for_metrics_only(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    policies = by_part(manifests, "NetworkPolicy")
    for policy in [policies["cloner"]["spec"]] if "cloner" in policies else ():
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        gateway, names = policy["egress"]
        assert gateway["ports"] == [{"port": 9000}]
        (peer,) = gateway["to"]
        assert peer["podSelector"]["matchLabels"][COMPONENT] == "gateway"
        assert {port["port"] for port in names["ports"]} == {53}
        heard = [rule["from"] for rule in policy.get("ingress", [])]
        readers = values["networkPolicy"]["metricsFrom"]
        assert heard == ([readers] if readers else [])


def test_the_training_calls_the_speaker_and_the_dns_and_is_called_by_nobody(
    manifests: list[Manifest],
) -> None:
    policies = by_part(manifests, "NetworkPolicy")
    for policy in [policies["training"]["spec"]] if "training" in policies else ():
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in policy
        speaker, names = policy["egress"]
        assert speaker["ports"] == [{"port": 9001}]
        (peer,) = speaker["to"]
        assert peer["podSelector"]["matchLabels"][COMPONENT] == "speaker"
        assert {port["port"] for port in names["ports"]} == {53}
