"""Draining a node takes one replica at a time, and is never held up by a lone one."""

from typing import Any

from tests.charts.helm import Manifest
from tests.charts.objects import by_part, stages


def test_there_is_a_budget_where_there_can_be_several(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    replicas = {it: values[it]["replicas"] for it in stages(values)}
    several = {it for it, count in replicas.items() if count is None or count > 1}
    budgets = by_part(manifests, "PodDisruptionBudget")
    assert budgets.keys() == several
    assert all(it["spec"]["maxUnavailable"] == 1 for it in budgets.values())
