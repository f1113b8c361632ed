"""Prometheus finds every pod that serves, by the operator's monitor or by annotations."""

from typing import Any

from tests.charts import helm
from tests.charts.helm import CHART, Manifest
from tests.charts.objects import SERVED, WORKLOADS, of_kind, served


def test_the_monitor_scrapes_one_open_port_of_every_pod(manifests: list[Manifest]) -> None:
    for monitor in of_kind(manifests, "PodMonitor"):
        scraped = {it["port"] for it in monitor["spec"]["podMetricsEndpoints"]}
        selector = monitor["spec"]["selector"]["matchLabels"]
        for pod in served(manifests):
            assert pod.labels.items() >= selector.items(), pod.part
            (port,) = scraped & pod.ports.keys()
            assert pod.ports[port] == 9001, pod.part


def test_there_is_a_monitor_only_where_the_cluster_knows_what_it_is(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    monitors = of_kind(manifests, "PodMonitor")
    assert len(monitors) == values["monitoring"]["podMonitor"]["enabled"]
    for monitor in monitors:
        wanted = values["monitoring"]["podMonitor"]["labels"]
        assert monitor["metadata"]["labels"].items() >= wanted.items()
    assert not of_kind(helm.render(CHART / "values.yaml", monitors=False), "PodMonitor")


def test_annotations_are_there_where_they_are_asked_for(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for workload in of_kind(manifests, *WORKLOADS):
        annotations = workload["spec"]["template"]["metadata"].get("annotations", {})
        scrape = annotations.get("prometheus.io/scrape") == "true"
        assert scrape is (values["monitoring"]["annotations"] and workload["kind"] in SERVED)
        assert annotations.get("prometheus.io/port", "9001") == "9001"
