"""What can be written to is bounded, and gone with the pod."""

from tests.charts.helm import Manifest
from tests.charts.objects import environment, pods, served


def test_every_volume_is_empty_and_bounded(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        for volume in pod.spec["volumes"]:
            assert volume["emptyDir"]["sizeLimit"].endswith("Mi"), pod.part


def test_every_container_has_a_place_for_temporary_files(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        volumes = {volume["name"] for volume in pod.spec["volumes"]}
        for container in pod.containers:
            mounts = {it["mountPath"]: it["name"] for it in container["volumeMounts"]}
            assert "/tmp" in mounts, pod.part
            assert set(mounts.values()) == volumes, pod.part


def test_data_is_kept_in_a_folder_that_the_program_makes_itself(manifests: list[Manifest]) -> None:
    """An emptyDir is open to everybody, and a data folder that others may write to is refused."""
    for pod in served(manifests):
        (container,) = pod.spec["containers"]
        folder = environment(container).get("BABBLEFISH_DATA_DIR", {}).get("value")
        mounts = [it["mountPath"] for it in container["volumeMounts"]]
        assert pod.part == "operator" or any(folder.startswith(f"{it}/") for it in mounts)
