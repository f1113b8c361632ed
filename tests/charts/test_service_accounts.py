"""Each component is somebody of its own, and only the operator may call the API server."""

from typing import Any

from tests.charts.helm import Manifest
from tests.charts.objects import by_part, name, parts, pods


def test_every_pod_runs_as_an_account_of_the_chart(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    accounts = {name(it) for it in by_part(manifests, "ServiceAccount").values()}
    assert len(accounts) == len(parts(values))
    assert {pod.spec["serviceAccountName"] for pod in pods(manifests)} == accounts


def test_only_the_operator_gets_a_token(manifests: list[Manifest]) -> None:
    for part, account in by_part(manifests, "ServiceAccount").items():
        assert account["automountServiceAccountToken"] is (part == "operator")
    for pod in pods(manifests):
        assert pod.spec["automountServiceAccountToken"] is (pod.part == "operator")
