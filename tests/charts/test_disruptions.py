"""Draining a node takes one replica at a time, and is never held up by a lone one."""

from typing import Any

from tests.charts.helm import Manifest
from tests.charts.objects import STAGES, by_part


def test_there_is_a_budget_where_there_can_be_several(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    several = {it for it in STAGES if values[it]["replicas"] is None or values[it]["replicas"] > 1}
    budgets = by_part(manifests, "PodDisruptionBudget")
    assert budgets.keys() == several
    assert all(it["spec"]["maxUnavailable"] == 1 for it in budgets.values())
