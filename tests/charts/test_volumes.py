"""What can be written to is bounded, and gone with the pod."""

from pathlib import Path
from typing import Any

import pytest

from tests.charts import helm
from tests.charts.helm import Manifest
from tests.charts.objects import environment, installed, parts, pods, stages

TRAINING = Path(__file__).parent / "values/training.yaml"


def test_every_volume_of_ours_is_empty_and_bounded(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in pods(manifests):
        part = values.get(pod.part, {})
        keeps = pod.part == "training" or part.get("existingClaim")
        kept = {"models", "data"} if keeps else {"models"}
        for volume in pod.spec["volumes"]:
            if volume["name"] not in kept and volume not in part.get("extraVolumes", []):
                assert volume["emptyDir"]["sizeLimit"].endswith("Mi"), pod.part


def test_voices_are_kept_where_the_values_say(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in installed(manifests):
        if pod.part in {"gateway", "training"}:
            (data,) = [volume for volume in pod.spec["volumes"] if volume["name"] == "data"]
            claim = data.get("persistentVolumeClaim", {}).get("claimName", "")
            assert claim == values["gateway"]["existingClaim"]


@pytest.mark.parametrize(
    ("sets", "source"),
    [
        ((), {"hostPath": {"path": "/var/lib/babblefish/models", "type": "Directory"}}),
        (
            ('models={"hostPath": "", "existingClaim": "weights"}',),
            {"persistentVolumeClaim": {"claimName": "weights", "readOnly": True}},
        ),
    ],
)
def test_models_are_read_from_where_the_values_say(
    sets: tuple[str, ...], source: dict[str, Any]
) -> None:
    told = {pod.part: pod for pod in installed(helm.render(TRAINING, sets=sets))}
    for part in (*stages({"profile": "full"}), "training"):
        (container,) = told[part].spec["containers"]
        assert {"name": "models", **source} in told[part].spec["volumes"]
        folder = environment(container)["BABBLEFISH_MODELS_DIR"]["value"]
        mount = {"name": "models", "mountPath": folder, "readOnly": True}
        assert mount in container["volumeMounts"]


def test_only_what_computes_has_models(manifests: list[Manifest], values: dict[str, Any]) -> None:
    reading = {
        pod.part
        for pod in pods(manifests)
        if "models" in [volume["name"] for volume in pod.spec["volumes"]]
    }
    there = any(values["models"].values())
    others = {"cloner", "training"} & set(parts(values))
    assert reading == others | (set(stages(values)) if there else set())


def test_every_container_has_a_place_for_temporary_files(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        volumes = {volume["name"] for volume in pod.spec["volumes"]}
        for container in pod.containers:
            mounts = {it["mountPath"]: it["name"] for it in container["volumeMounts"]}
            assert "/tmp" in mounts, pod.part
            assert set(mounts.values()) == volumes, pod.part


def test_volumes_of_ones_own_come_beside_ours(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    for pod in installed(manifests):
        for key, found in (
            ("extraVolumes", pod.spec["volumes"]),
            ("extraVolumeMounts", pod.spec["containers"][0]["volumeMounts"]),
        ):
            assert all(extra in found for extra in values[pod.part].get(key, [])), pod.part


def test_data_is_kept_in_a_folder_that_the_program_makes_itself(manifests: list[Manifest]) -> None:
    """An emptyDir is open to everybody, and a data folder that others may write to is refused."""
    for pod in installed(manifests):
        (container,) = pod.spec["containers"]
        folder = environment(container).get("BABBLEFISH_DATA_DIR", {}).get("value")
        mounts = [it["mountPath"] for it in container["volumeMounts"]]
        assert pod.part == "operator" or any(folder.startswith(f"{it}/") for it in mounts)
