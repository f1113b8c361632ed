"""A secret is in its Secret, reaches who needs it, and is nowhere else."""

import base64
from typing import Any

import pytest

from tests.charts.helm import Manifest
from tests.charts.objects import Pod, environment, leaves, name, of_kind, pods

_SECRETS = {
    "joinToken": "join-token",
    "adminToken": "admin-token",
    "sessionKey": "session-key",
    "acceleratorToken": "accelerator-token",
}
_VARIABLES = {
    "joinToken": "BABBLEFISH_JOIN_TOKEN",
    "adminToken": "BABBLEFISH_ADMIN_TOKEN",
    "sessionKey": "BABBLEFISH_SESSION_KEY",
    "acceleratorToken": "BABBLEFISH_ACCELERATOR_TOKEN",
}
_HOLDERS = {
    "joinToken": {"gateway", "test"},
    "adminToken": {"gateway", "operator"},
    "sessionKey": {"gateway", "operator"},
    "acceleratorToken": {"gateway", "cloner"},
}


def test_secrets_are_made_only_where_none_is_given(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    wanted = [called for it, called in _SECRETS.items() if not values[it]["existingSecret"]]
    made = [name(it) for it in of_kind(manifests, "Secret")]
    assert ["-".join(it.rsplit("-", 2)[1:]) for it in made] == wanted


def test_what_is_made_cannot_be_guessed_and_needs_no_escaping(manifests: list[Manifest]) -> None:
    for made in _made(manifests):
        assert len(made) >= 43
        assert made.isascii()
        assert made.isalnum()


def test_no_two_are_alike(manifests: list[Manifest]) -> None:
    assert len(set(_made(manifests))) == len(_made(manifests))


def test_none_is_anywhere_but_in_its_secret(manifests: list[Manifest]) -> None:
    others = [it for it in manifests if it["kind"] != "Secret"]
    said = "\n".join(str(leaf) for leaf in leaves(others))
    for made in _made(manifests):
        assert made not in said
        assert base64.b64encode(made.encode()).decode() not in said


@pytest.mark.parametrize("secret", _SECRETS)
def test_each_reaches_who_needs_it(manifests: list[Manifest], secret: str) -> None:
    holders = {pod.part for pod in pods(manifests) if _references(pod, _VARIABLES[secret])}
    there = {pod.part for pod in pods(manifests)}
    assert holders == _HOLDERS[secret] & there


@pytest.mark.parametrize("secret", _SECRETS)
def test_each_is_read_from_its_own_secret_or_the_users(
    manifests: list[Manifest], values: dict[str, Any], secret: str
) -> None:
    given = values[secret]
    made = [it for it in of_kind(manifests, "Secret") if name(it).endswith(_SECRETS[secret])]
    own = {name(it): key for it in made for key in it["data"]}
    expected = own or {given["existingSecret"]: given["existingSecretKey"]}
    for pod in pods(manifests):
        if pod.part == "test" and not values["gateway"]["adhocSessions"]:
            continue  # it joins its own session, by a token of that
        for reference in _references(pod, _VARIABLES[secret]):
            assert {reference["name"]: reference["key"]} == expected


def test_what_is_called_a_secret_is_one(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for container in pod.containers:
            for variable, it in environment(container).items():
                if any(word in variable for word in ("TOKEN", "SECRET", "PASSWORD", "KEY")):
                    assert "secretKeyRef" in it["valueFrom"], variable


def _made(manifests: list[Manifest]) -> list[str]:
    kept = [value for it in of_kind(manifests, "Secret") for value in it["data"].values()]
    return [base64.b64decode(it).decode() for it in kept]


def _references(pod: Pod, variable: str) -> list[dict[str, str]]:
    found = [environment(it).get(variable) for it in pod.containers]
    return [it["valueFrom"]["secretKeyRef"] for it in found if it]
