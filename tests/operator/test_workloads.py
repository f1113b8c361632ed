"""Deployments and pods as the API server has them."""

from fractions import Fraction
from typing import Any

import pytest

from babblefish_operator import workloads
from babblefish_operator.model import Fleet
from babblefish_operator.times import epoch, rfc3339, seconds


def _container(cpu: str, **more: str) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


def _deployment(asked: int, **status: int) -> dict[str, Any]:
    metadata = {"generation": 2, "annotations": {workloads.OURS: "operator"}}
    return {"metadata": metadata, "spec": {"replicas": asked}, "status": status}


@pytest.mark.parametrize(
    ("status", "rolling"),
    [
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}, False),
        ({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3}, True),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1}, True),
        ({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 4}, True),
        ({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2}, False),
        ({}, True),
    ],
    ids=["settled", "unseen", "replacing", "leaving", "no room for the third", "new"],
)
def test_a_fleet_rolls(status: dict[str, int], rolling: bool) -> None:
    assert workloads.fleet(_deployment(3, **status)) == Fleet(3, 0, rolling)


@pytest.mark.parametrize("annotations", [{}, {workloads.OURS: "me"}, {"replicas": "operator"}])
def test_a_fleet_that_does_not_say_so_is_not_ours(annotations: dict[str, str]) -> None:
    deployment = _deployment(3)
    deployment["metadata"]["annotations"] = annotations
    assert not workloads.fleet(deployment).ours


def test_requests_are_those_of_all_containers() -> None:
    spec = {"containers": [_container("500m"), _container("2")]}
    assert workloads.requests(spec) == {"cpu": Fraction(5, 2)}


def test_a_limit_is_a_request_where_there_is_none() -> None:
    spec = {"containers": [{"resources": {"limits": {"cpu": "16", "memory": "1Gi"}}}]}
    assert workloads.requests(spec) == {"cpu": Fraction(16), "memory": Fraction(1024**3)}


def test_init_containers_run_one_after_the_other_sidecars_all_along() -> None:
    spec = {
        "initContainers": [_container("1", restartPolicy="Always"), _container("4")],
        "containers": [_container("2")],
        "overhead": {"cpu": "250m"},
    }
    assert workloads.requests(spec) == {"cpu": Fraction(21, 4)}


def test_a_pod_that_is_over_takes_nothing() -> None:
    assert not workloads.holding({"status": {"phase": "Succeeded"}})
    assert workloads.holding({"status": {"phase": "Running"}})


def test_one_that_is_about_to_go_takes_no_phones() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    assert workloads.serving({"metadata": {}, "status": ready})
    assert not workloads.serving({"metadata": {"deletionTimestamp": "now"}, "status": ready})


@pytest.mark.parametrize(
    ("written", "meant"), [("8h", 28800), ("90m", 5400), ("1h30m", 5400), ("5s", 5), ("0h1s", 1)]
)
def test_durations(written: str, meant: int) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize("written", ["", "8", "1d", "30m1h", "-5s"])
def test_what_is_no_duration(written: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(written)


def test_times_go_there_and_back() -> None:
    assert rfc3339(epoch("2026-11-21T01:00:00Z")) == "2026-11-21T01:00:00Z"
