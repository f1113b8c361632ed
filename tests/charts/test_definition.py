"""What a session is, is upgraded with the chart and outlives it: with it every session would go."""

from typing import Any

from tests.charts.helm import CHART, Manifest
from tests.charts.objects import DEFINITION, of_kind

_KEPT = {"helm.sh/resource-policy": "keep"}


def test_it_is_there_unless_somebody_else_installs_it(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    assert len(of_kind(manifests, DEFINITION)) == values["crds"]["install"]


def test_it_is_upgraded_and_outlives_the_release(manifests: list[Manifest]) -> None:
    """Helm installs what is in `crds/` once and never again."""
    assert not (CHART / "crds").exists()
    for definition in of_kind(manifests, DEFINITION):
        assert definition["metadata"]["annotations"] == _KEPT


def test_it_is_the_only_thing_that_is_left_behind(manifests: list[Manifest]) -> None:
    kept = [it for it in manifests if _KEPT.items() <= _annotations(it).items()]
    assert kept == of_kind(manifests, DEFINITION)


def test_every_field_says_what_it_is(manifests: list[Manifest]) -> None:
    for definition in of_kind(manifests, DEFINITION):
        (version,) = definition["spec"]["versions"]
        schema = version["schema"]["openAPIV3Schema"]
        assert _undescribed(schema, "") == ["metadata"]


def test_every_rule_says_what_is_wrong(manifests: list[Manifest]) -> None:
    for definition in of_kind(manifests, DEFINITION):
        rules = _rules(definition["spec"])
        assert len(rules) >= 6
        assert all(it["message"] for it in rules)


def _annotations(manifest: Manifest) -> dict[str, str]:
    return manifest["metadata"].get("annotations") or {}


def _undescribed(schema: dict[str, Any], path: str) -> list[str]:
    fields = {
        **schema.get("properties", {}),
        **schema.get("items", {}).get("properties", {}),
    }
    own = [] if "description" in schema else [path]
    inner = [_undescribed(it, f"{path}.{key}".lstrip(".")) for key, it in fields.items()]
    return own + [each for one in inner for each in one]


def _rules(tree: object) -> list[dict[str, str]]:
    if isinstance(tree, list):
        return [rule for it in tree for rule in _rules(it)]
    if not isinstance(tree, dict):
        return []
    own = tree.get("x-kubernetes-validations", [])
    return [*own, *(rule for it in tree.values() for rule in _rules(it))]
