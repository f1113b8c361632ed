"""Grafana can read the dashboards, and Prometheus has what they ask for."""

import json
import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from babblefish import metrics
from babblefish_operator.metrics import Metrics
from tests.charts.helm import CHART, Manifest
from tests.charts.objects import of_kind

_FILE = CHART / "dashboards/babblefish.json"
_METRIC = re.compile(r"babblefish_\w+")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}

Panel = dict[str, Any]


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    """As it is shipped."""
    read: dict[str, Any] = json.loads(_FILE.read_text())
    return read


@pytest.fixture(scope="module")
def panels(dashboard: dict[str, Any]) -> list[Panel]:
    """Those that show something."""
    return [it for it in dashboard["panels"] if it["type"] != "row"]


def test_the_sidecar_finds_it(
    manifests: list[Manifest], values: dict[str, Any], dashboard: dict[str, Any]
) -> None:
    maps = of_kind(manifests, "ConfigMap")
    assert len(maps) == values["monitoring"]["dashboard"]["enabled"]
    for each in maps:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["data"].keys() == {_FILE.name}
        assert json.loads(each["data"][_FILE.name]) == dashboard


def test_ids_are_unique(dashboard: dict[str, Any]) -> None:
    ids = [it["id"] for it in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_every_panel_says_what_it_shows(panels: list[Panel]) -> None:
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_panels_tile_the_page(dashboard: dict[str, Any]) -> None:
    taken = set[tuple[int, int]]()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        columns, rows = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        cells = {(x, y) for x in columns for y in rows}
        assert not cells & taken, panel["title"]
        taken |= cells
    height = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(24) for y in range(height)}


def test_every_query_is_of_the_chosen_source_and_namespace(panels: list[Panel]) -> None:
    for panel in panels:
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            metrics_asked = _METRIC.findall(target["expr"])
            assert target["expr"].count('{namespace=~"$namespace"') == len(metrics_asked)


def test_every_variable_is_declared(dashboard: dict[str, Any]) -> None:
    declared = {it["name"] for it in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(dashboard)))
    assert used == declared == {"datasource", "namespace"}


def test_every_metric_is_one_that_the_programs_export(dashboard: dict[str, Any]) -> None:
    asked = set(_METRIC.findall(json.dumps(dashboard["panels"])))
    asked |= set(_METRIC.findall(json.dumps(dashboard["templating"])))
    assert asked <= _exported()


def test_every_metric_has_the_labels_that_are_asked_for(panels: list[Panel]) -> None:
    """`pod` and `namespace` come from Prometheus, `le` from the histogram."""
    known = {label for it in _collectors() for label in it._labelnames} | {"pod", "namespace", "le"}
    for panel in panels:
        for target in panel["targets"]:
            groups = re.findall(r"by \(([^)]*)\)", target["expr"])
            assert {label for group in groups for label in group.split(", ")} <= known


def _collectors() -> list[MetricWrapperBase]:
    found = [*vars(metrics).values(), *vars(Metrics(CollectorRegistry())).values()]
    return [it for it in found if isinstance(it, MetricWrapperBase)]


def _exported() -> set[str]:
    families = [family for it in _collectors() for family in it.describe()]
    return {f"{it.name}{suffix}" for it in families for suffix in _SUFFIXES[it.type]}
