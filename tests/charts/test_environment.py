"""The chart sets only what the programs read."""

import pytest

from babblefish import settings
from babblefish.settings import PREFIX, Settings
from babblefish_operator import settings as operator_settings
from tests.charts.helm import Manifest
from tests.charts.objects import Container, environment, installed, pods, served


def test_gateway_and_stages_know_every_variable(manifests: list[Manifest]) -> None:
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    for pod in pods(manifests):
        if pod.part != "operator":
            assert _ours(pod.spec["containers"][0]) <= known, pod.part


def test_the_operator_knows_every_variable(manifests: list[Manifest]) -> None:
    known = {
        str(it.validation_alias or f"{operator_settings.PREFIX}{field}").upper()
        for field, it in operator_settings.Settings.model_fields.items()
    }
    for pod in pods(manifests):
        if pod.part == "operator":
            assert _ours(pod.spec["containers"][0]) <= known


def test_gateway_and_stages_take_what_they_are_told(
    manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    for pod in installed(manifests):
        if pod.part == "operator":
            continue
        with monkeypatch.context() as pods_own:
            for name, variable in environment(pod.containers[0]).items():
                # Secrets and counts of cores come with the pod; any will do here.
                counted = "resourceFieldRef" in variable.get("valueFrom", {})
                pods_own.setenv(name, variable.get("value", "1" if counted else "s" * 43))
            assert settings.load().threads == 1


def test_the_operator_takes_what_it_is_told(
    manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    (operator,) = [pod for pod in served(manifests) if pod.part == "operator"]
    for name, variable in environment(operator.containers[0]).items():
        # Secrets and the namespace come with the pod; any will do here.
        monkeypatch.setenv(name, variable.get("value", "s" * 43))
    assert operator_settings.load().quiet_s >= 0


def test_programs_open_the_ports_that_are_declared(manifests: list[Manifest]) -> None:
    variables = {"http": "PORT", "admin": "ADMIN_PORT", "stage": "PORT", "cloner": "PORT"}
    for pod in served(manifests):
        told = environment(pod.containers[0])
        for port, number in pod.ports.items() if pod.part != "operator" else ():
            assert told[PREFIX + variables[port]]["value"] == str(number), pod.part


def _ours(container: Container) -> set[str]:
    return {name for name in environment(container) if name.startswith(PREFIX)}
