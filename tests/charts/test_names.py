"""Names fit, for whatever release, and stay apart."""

import re

import pytest

from tests.charts import helm
from tests.charts.helm import Manifest
from tests.charts.objects import CLUSTERWIDE, DEFINITION, name, namespaced, of_kind

_LONGEST = "r" * 53  # what Helm allows
_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@pytest.mark.parametrize("release", [_LONGEST, "babblefish", "a", "r" * 41])
def test_names_are_dns_labels_of_at_most_63_characters(release: str) -> None:
    _check(helm.render(release=release))


def test_so_are_a_users_own(manifests: list[Manifest]) -> None:
    _check(manifests)


def test_long_names_that_differ_at_the_end_stay_apart() -> None:
    first, second = (helm.render(release=f"{_LONGEST[:-1]}{last}") for last in "ab")
    assert not _keys(namespaced(first)) & _keys(namespaced(second))


def test_what_is_in_no_namespace_is_named_after_one() -> None:
    """A namespace `a-b` with a release `c` is not a namespace `a` with a release `b-c`."""
    first = helm.render(namespace="a-b", release="c-babblefish")
    second = helm.render(namespace="a", release="b-c-babblefish")
    rights = [_keys(of_kind(it, *CLUSTERWIDE)) for it in (first, second)]
    assert {kind for kind, _ in rights[0] & rights[1]} == {DEFINITION}


def test_a_release_named_after_the_chart_is_not_named_twice() -> None:
    deployments = of_kind(helm.render(release="babblefish"), "Deployment")
    assert "babblefish-gateway" in {name(it) for it in deployments}


@pytest.mark.parametrize("release", ["2nd", "talk.example.org"])
def test_a_release_whose_name_no_service_may_have_is_refused(release: str) -> None:
    with pytest.raises(helm.Refused, match="set fullnameOverride"):
        helm.render(release=release)
    assert helm.render(release=release, sets=('fullnameOverride="second"',))


def _check(manifests: list[Manifest]) -> None:
    for manifest in namespaced(manifests):
        assert len(name(manifest)) <= 63
        assert _DNS_LABEL.fullmatch(name(manifest)), name(manifest)
    for manifest in manifests:
        for value in manifest["metadata"]["labels"].values():
            assert len(value) <= 63


def _keys(manifests: list[Manifest]) -> set[tuple[str, str]]:
    return {(it["kind"], name(it)) for it in manifests}
