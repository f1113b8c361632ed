"""Two releases in one namespace do not know of each other; they share what a session is."""

from pathlib import Path

import pytest

from tests.charts import helm
from tests.charts.helm import Manifest
from tests.charts.objects import DEFINITION, SERVED, environment, name, of_kind, pods


@pytest.fixture
def others(case: Path) -> list[Manifest]:
    """A second release with the same values; a name of the user's own has to differ."""
    if case.stem == "renamed":
        return helm.render(case, release="other", sets=('fullnameOverride="other"',))
    return helm.render(case, release="other")


def test_no_object_has_the_name_of_anothers(
    manifests: list[Manifest], others: list[Manifest]
) -> None:
    names = [{(it["kind"], name(it)) for it in release} for release in (manifests, others)]
    assert {kind for kind, _ in names[0] & names[1]} <= {DEFINITION}


def test_no_selector_finds_anothers_pods(manifests: list[Manifest], others: list[Manifest]) -> None:
    labels = [pod.labels.items() for pod in pods(others)]
    for manifest in of_kind(manifests, "Service"):
        assert not any(it >= manifest["spec"]["selector"].items() for it in labels)
    for manifest in of_kind(manifests, *SERVED, "PodDisruptionBudget", "PodMonitor"):
        assert not any(it >= manifest["spec"]["selector"]["matchLabels"].items() for it in labels)
    for manifest in of_kind(manifests, "NetworkPolicy"):
        selector = manifest["spec"]["podSelector"]["matchLabels"]
        assert not any(it >= selector.items() for it in labels)


def test_no_gateway_calls_anothers_stages(
    manifests: list[Manifest], others: list[Manifest]
) -> None:
    assert not _stages(manifests) & _stages(others)


def _stages(manifests: list[Manifest]) -> set[str]:
    (gateway,) = [pod for pod in pods(manifests) if pod.part == "gateway"]
    variables = environment(gateway.spec["containers"][0])
    return {variables[f"BABBLEFISH_{it}"]["value"] for it in ("TRANSLATOR", "SYNTHESIZER")}
