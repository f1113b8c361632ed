"""The operator may do what its reconciling needs, to the verb; nobody else may do anything."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.charts.helm import NAMESPACE, Manifest
from tests.charts.objects import by_part, name, of_kind

_GRANTS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
_FOLLOW = {"list", "watch"}
_IN_THE_NAMESPACE = {
    ("babblefish.io", "translationsessions"): _FOLLOW,
    ("babblefish.io", "translationsessions/status"): {"patch"},
    ("", "secrets"): _FOLLOW | {"create", "patch"},
    ("", "pods"): _FOLLOW,
    ("", "events"): {"create"},
    ("apps", "deployments"): _FOLLOW,
    ("apps", "deployments/scale"): {"patch"},
}
_EVERYWHERE = {("", "nodes"): {"list"}, ("", "pods"): {"list"}}


class _Right(NamedTuple):
    group: str
    resource: str
    verbs: frozenset[str]
    names: tuple[str, ...]


def test_the_operator_may_do_this_and_no_more(manifests: list[Manifest]) -> None:
    for kind, expected in {"Role": _IN_THE_NAMESPACE, "ClusterRole": _EVERYWHERE}.items():
        rights = _rights(by_part(manifests, kind)["operator"])
        assert {(it.group, it.resource): it.verbs for it in rights} == expected, kind
        assert len(rights) == len(expected), kind


def test_it_scales_the_synthesizer_alone(manifests: list[Manifest]) -> None:
    synthesizer = name(by_part(manifests, "Deployment")["synthesizer"])
    named = {it.resource: it.names for it in _all_rights(manifests) if it.names}
    assert named == {"deployments/scale": (synthesizer,)}


def test_nothing_is_granted_by_an_asterisk(manifests: list[Manifest]) -> None:
    for right in _all_rights(manifests):
        assert "*" not in {right.group, right.resource, *right.verbs, *right.names}


def test_each_right_is_the_operators_alone(manifests: list[Manifest]) -> None:
    assert len(of_kind(manifests, *_GRANTS)) == len(_GRANTS)
    account = name(by_part(manifests, "ServiceAccount")["operator"])
    for kind in ("Role", "ClusterRole"):
        (role,), (binding,) = of_kind(manifests, kind), of_kind(manifests, f"{kind}Binding")
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (kind, name(role))
        (subject,) = binding["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}


def _all_rights(manifests: list[Manifest]) -> Iterator[_Right]:
    for role in of_kind(manifests, "Role", "ClusterRole"):
        yield from _rights(role)


def _rights(role: Manifest) -> list[_Right]:
    return [
        _Right(group, resource, frozenset(rule["verbs"]), tuple(rule.get("resourceNames", ())))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]
