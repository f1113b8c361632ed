"""Every image is named in full: registry, name, and a tag or a digest."""

import re
from typing import Any

import pytest
import yaml

from tests.charts import helm
from tests.charts.helm import CHART, Manifest
from tests.charts.objects import installed, pods, served

_IMAGE = re.compile(r"[^/\s]+(:\d+)?/[a-z0-9/._-]+(:[\w][\w.-]*|@sha256:[0-9a-f]{64})")


def test_every_image_has_a_tag_or_a_digest(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for container in pod.containers:
            assert _IMAGE.fullmatch(container["image"]), container["image"]
            assert not container["image"].endswith(":latest")


def test_the_program_is_the_components_own(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in installed(manifests):
        (container,) = pod.spec["containers"]
        assert f"/{values[pod.part]['image']['repository']}" in container["image"]
        arguments = {
            "gateway": ["serve"],
            "cloner": ["accelerator"],
            "training": _training(values["training"]),
            "operator": None,
        }
        assert container.get("args") == arguments.get(pod.part, ["stage", pod.part])


@pytest.mark.parametrize(
    ("sets", "image"),
    [
        ((), "ghcr.io/babblefish/babblefish-gateway:{version}"),
        (('image.registry="r.lan"', 'image.tag="2"'), "r.lan/babblefish-gateway:2"),
        (('image.tag="2"', 'gateway.image.tag="3"'), "ghcr.io/babblefish/babblefish-gateway:3"),
        (('image.registry=""', 'gateway.image.repository="g"'), "g:{version}"),
        ((f'gateway.image.digest="sha256:{"a" * 64}"', 'image.tag="2"'), "@sha256:{a}"),
    ],
)
def test_a_components_own_wins_over_the_general_and_a_digest_over_a_tag(
    sets: tuple[str, ...], image: str
) -> None:
    (gateway,) = [pod for pod in served(helm.render(sets=sets)) if pod.part == "gateway"]
    expected = image.format(version=_app_version(), a="a" * 64)
    assert gateway.spec["containers"][0]["image"].endswith(expected)


def test_each_is_pulled_as_its_component_or_all_say(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in installed(manifests):
        expected = values[pod.part]["image"]["pullPolicy"] or values["image"]["pullPolicy"]
        assert {it["imagePullPolicy"] for it in pod.containers} == {expected}


def test_pull_secrets_reach_every_pod(manifests: list[Manifest], values: dict[str, Any]) -> None:
    for pod in pods(manifests):
        assert pod.spec.get("imagePullSecrets", []) == values["imagePullSecrets"]


def _training(values: dict[str, Any]) -> list[str]:
    return ["voices", "train", values["voice"], *(["--full"] if values["full"] else [])]


def _app_version() -> str:
    return str(yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"])
