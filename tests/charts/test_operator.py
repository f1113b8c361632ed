"""The operator is told whom it looks after, and where phones come in."""

from pathlib import Path
from typing import Any

import pytest

from babblefish_operator.workloads import OURS
from tests.charts import helm
from tests.charts.helm import CHART, Manifest
from tests.charts.objects import by_part, environment, name, served

_PREFIX = "BABBLEFISH_OPERATOR_"


def test_it_scales_the_releases_synthesizer(manifests: list[Manifest]) -> None:
    synthesizer = by_part(manifests, "Deployment")["synthesizer"]
    assert _told(manifests)["SYNTHESIZER"] == name(synthesizer)


def test_the_synthesizer_alone_says_whether_its_replicas_are_the_operators(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    chooses = {
        part: deployment["metadata"].get("annotations", {}).get(OURS)
        for part, deployment in by_part(manifests, "Deployment").items()
    }
    own = values["synthesizer"]["replicas"] is None
    assert chooses.pop("synthesizer") == ("operator" if own else None)
    assert set(chooses.values()) == {None}


def test_it_finds_the_releases_gateways_and_nobody_else(manifests: list[Manifest]) -> None:
    selector = dict(it.split("=") for it in _told(manifests)["GATEWAYS"].split(","))
    found = [pod.part for pod in served(manifests) if pod.labels.items() >= selector.items()]
    assert found == ["gateway"]


def test_it_waits_and_spares_as_the_values_say(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    told = _told(manifests)
    assert float(told["QUIET_S"]) == values["operator"]["quietSeconds"]
    assert int(told["HEADROOM"]) == values["operator"]["headroom"]


@pytest.mark.parametrize(
    ("sets", "url"),
    [
        ((), ""),
        (('ingress.host="a.lan"',), "https://a.lan"),
        (('ingress.host="a.lan"', "ingress.tls.enabled=false"), "http://a.lan"),
        (('ingress.host="a.lan"', "ingress.enabled=false"), ""),
        (('operator.publicUrl="https://b.lan:8443"',), "https://b.lan:8443"),
        (('operator.publicUrl="https://b.lan"', 'ingress.host="a.lan"'), "https://b.lan"),
    ],
)
def test_links_lead_to_the_ingress_or_where_the_user_says(sets: tuple[str, ...], url: str) -> None:
    assert _told(helm.render(CHART / "values.yaml", sets=sets))["PUBLIC_URL"] == url


def test_links_lead_where_phones_come_in(case: Path, values: dict[str, Any]) -> None:
    ingress = values["ingress"]
    host = ingress["host"] if ingress["enabled"] else ""
    known = values["operator"]["publicUrl"] or host
    assert known in _told(helm.render(case))["PUBLIC_URL"]


def _told(manifests: list[Manifest]) -> dict[str, str]:
    (operator,) = [pod for pod in served(manifests) if pod.part == "operator"]
    variables = environment(operator.containers[0])
    return {
        variable.removeprefix(_PREFIX): it["value"]
        for variable, it in variables.items()
        if variable.startswith(_PREFIX) and "value" in it
    }
