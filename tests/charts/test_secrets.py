"""A token is in its Secret, reaches who needs it, and is nowhere else."""

import base64
from typing import Any

import pytest

from tests.charts.helm import Manifest
from tests.charts.objects import Pod, environment, leaves, name, of_kind, pods

_HOLDERS = {
    "BABBLEFISH_JOIN_TOKEN": {"gateway", "test"},
    "BABBLEFISH_ADMIN_TOKEN": {"gateway"},
}


def test_tokens_are_made_only_where_none_is_given(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    wanted = [it for it in ("join", "admin") if not values[f"{it}Token"]["existingSecret"]]
    made = [name(it) for it in of_kind(manifests, "Secret")]
    assert [it.rsplit("-", 2)[1] for it in made] == wanted


def test_a_made_token_cannot_be_guessed_and_needs_no_escaping(manifests: list[Manifest]) -> None:
    for token in _tokens(manifests):
        assert len(token) >= 43
        assert token.isascii()
        assert token.isalnum()


def test_no_token_is_anywhere_but_in_its_secret(manifests: list[Manifest]) -> None:
    others = [it for it in manifests if it["kind"] != "Secret"]
    said = "\n".join(str(leaf) for leaf in leaves(others))
    for token in _tokens(manifests):
        assert token not in said
        assert base64.b64encode(token.encode()).decode() not in said


@pytest.mark.parametrize("variable", _HOLDERS)
def test_each_token_reaches_who_needs_it(manifests: list[Manifest], variable: str) -> None:
    holders = {pod.part for pod in pods(manifests) if _references(pod, variable)}
    assert holders == _HOLDERS[variable]


@pytest.mark.parametrize("token", ["join", "admin"])
def test_each_is_read_from_its_own_secret_or_the_users(
    manifests: list[Manifest], values: dict[str, Any], token: str
) -> None:
    given = values[f"{token}Token"]
    own = {name(it): "token" for it in of_kind(manifests, "Secret") if f"-{token}-" in name(it)}
    expected = own or {given["existingSecret"]: given["existingSecretKey"]}
    for pod in pods(manifests):
        for reference in _references(pod, f"BABBLEFISH_{token.upper()}_TOKEN"):
            assert {reference["name"]: reference["key"]} == expected


def test_what_is_called_a_secret_is_one(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for container in pod.containers:
            for variable, it in environment(container).items():
                if any(word in variable for word in ("TOKEN", "SECRET", "PASSWORD", "KEY")):
                    assert "secretKeyRef" in it["valueFrom"], variable


def _tokens(manifests: list[Manifest]) -> list[str]:
    kept = [it["data"]["token"] for it in of_kind(manifests, "Secret")]
    return [base64.b64decode(it).decode() for it in kept]


def _references(pod: Pod, variable: str) -> list[dict[str, str]]:
    found = [environment(it).get(variable) for it in pod.containers]
    return [it["valueFrom"]["secretKeyRef"] for it in found if it]
