"""Laptops: what is on them, and what is kept off them."""

from typing import Any

import pytest

from tests.charts import helm
from tests.charts.helm import CHART, Manifest
from tests.charts.objects import LAPTOPS, Pod, by_part, environment, name, pods, served

_FULL = CHART / "values-full.yaml"
_TAINT = LAPTOPS["tolerations"][0]


def test_it_is_on_every_laptop_and_nowhere_else(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    assert by_part(manifests, "DaemonSet").keys() == _laptops(values)
    for pod in _cloners(manifests):
        assert pod.spec["nodeSelector"].items() >= LAPTOPS["nodeSelector"].items()
        assert _TAINT in pod.spec["tolerations"]


def test_the_taint_keeps_everything_else_off_laptops(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        if pod.part != "cloner":
            assert _TAINT["key"] not in {it.get("key") for it in pod.spec.get("tolerations", [])}


def test_a_laptop_that_sleeps_holds_no_upgrade_up(manifests: list[Manifest]) -> None:
    for daemons in by_part(manifests, "DaemonSet").values():
        assert daemons["spec"]["updateStrategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "100%"},
        }


def test_it_dials_the_gateways_service_with_the_token_that_the_gateway_knows(
    manifests: list[Manifest],
) -> None:
    (gateway,) = [pod for pod in served(manifests) if pod.part == "gateway"]
    for pod in _cloners(manifests):
        service = name(by_part(manifests, "Service")["gateway"])
        told = environment(pod.containers[0])
        assert told["BABBLEFISH_ACCELERATOR_SERVER"]["value"] == (
            f"ws://{service}:9000/ws/tts-accelerator"
        )
        token = "BABBLEFISH_ACCELERATOR_TOKEN"  # noqa: S105 its name
        assert told[token] == environment(gateway.containers[0])[token]


def test_nothing_of_a_person_comes_to_its_disk(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in _cloners(manifests):
        for volume in pod.spec["volumes"]:
            if volume["name"] == "models":
                assert volume["hostPath"]["path"] == values["cloner"]["models"]["hostPath"]
            elif volume not in values["cloner"]["extraVolumes"]:
                assert volume["emptyDir"]["medium"] == "Memory"
        (container,) = pod.containers
        (models,) = [it for it in container["volumeMounts"] if it["name"] == "models"]
        assert models["readOnly"] is True
        assert models["mountPath"] == environment(container)["BABBLEFISH_MODELS_DIR"]["value"]


@pytest.mark.parametrize(
    ("sets", "device", "gpus", "shown"),
    [
        ((), "cuda", "1", None),
        (("cloner.gpu=false",), "cuda", None, "all"),
        (("cloner.gpu=false", 'cloner.device="cpu"'), "cpu", None, None),
    ],
)
def test_a_device_plugin_chooses_the_gpu_and_without_one_all_are_shown(
    sets: tuple[str, ...], device: str, gpus: str | None, shown: str | None
) -> None:
    (pod,) = _cloners(helm.render(_FULL, sets=sets))
    (container,) = pod.containers
    told = environment(container)
    assert told["BABBLEFISH_DEVICE"]["value"] == device
    assert told.get("NVIDIA_VISIBLE_DEVICES", {}).get("value") == shown
    for bound in container["resources"].values():
        assert bound.get("nvidia.com/gpu") == gpus


@pytest.mark.parametrize("runtime", ["nvidia", "crun", ""])
def test_its_runtime_is_the_values(runtime: str) -> None:
    (pod,) = _cloners(helm.render(_FULL, sets=(f'cloner.runtimeClassName="{runtime}"',)))
    assert pod.spec.get("runtimeClassName", "") == runtime


def _cloners(manifests: list[Manifest]) -> list[Pod]:
    return [pod for pod in served(manifests) if pod.part == "cloner"]


def _laptops(values: dict[str, Any]) -> set[str]:
    return {"cloner"} if values["cloner"]["enabled"] else set()
