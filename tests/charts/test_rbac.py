"""Nobody may do anything that the operator's handlers do not need; so far it has none."""

from tests.charts.helm import Manifest
from tests.charts.objects import of_kind

_GRANTS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def test_nothing_is_granted(manifests: list[Manifest]) -> None:
    assert of_kind(manifests, *_GRANTS) == []
