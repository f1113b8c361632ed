"""The Job that fine-tunes F5: there for one voice, where that voice is kept."""

from pathlib import Path
from typing import Any

import pytest

from tests.charts import helm
from tests.charts.helm import Manifest
from tests.charts.objects import Pod, by_part, environment, installed, name, of_kind, served

_TRAINING = Path(__file__).parent / "values/training.yaml"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_LONGEST = "r" * 53  # what Helm allows


def test_it_is_there_for_a_voice_and_not_without(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    assert len(of_kind(manifests, "Job")) == bool(values["training"]["voice"])


@pytest.mark.parametrize(("full", "flags"), [("false", []), ("true", ["--full"])])
def test_it_trains_that_voice(full: str, flags: list[str]) -> None:
    pod = _pod(sets=('training.voice="v.1"', f"training.full={full}"))
    assert pod.containers[0]["args"] == ["voices", "train", "v.1", *flags]


def test_a_voice_that_looks_like_a_number_is_a_word() -> None:
    assert _pod(sets=('training.voice="1e10"',)).containers[0]["args"][-1] == "1e10"


def test_an_interrupted_run_is_tried_again_and_each_keeps_its_log(
    manifests: list[Manifest],
) -> None:
    exit_of_its_own = {"containerName": "training", "operator": "In", "values": [1]}
    for job in of_kind(manifests, "Job"):
        assert job["spec"]["backoffLimit"] == 2
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
        (rule,) = job["spec"]["podFailurePolicy"]["rules"]
        assert rule == {"action": "FailJob", "onExitCodes": exit_of_its_own}


def test_it_has_the_gateways_data_and_no_gpu(manifests: list[Manifest]) -> None:
    (gateway,) = [pod for pod in served(manifests) if pod.part == "gateway"]
    for pod in _trainings(manifests):
        assert _data(pod) == _data(gateway)
        told = environment(pod.containers[0])
        assert told["BABBLEFISH_DEVICE"]["value"] == "cpu"
        assert "nvidia.com/gpu" not in pod.containers[0]["resources"]["limits"]


def test_the_speaker_stage_is_its_judge(manifests: list[Manifest]) -> None:
    for pod in _trainings(manifests):
        speaker = name(by_part(manifests, "Service")["speaker"])
        told = environment(pod.containers[0])
        assert told["BABBLEFISH_SPEAKER"]["value"] == f"http://{speaker}:9001"


def test_it_is_on_the_gateways_node(manifests: list[Manifest]) -> None:
    for pod in _trainings(manifests):
        gateway = by_part(manifests, "Deployment")["gateway"]["spec"]["selector"]
        beside = {"labelSelector": gateway, "topologyKey": "kubernetes.io/hostname"}
        assert beside in pod.spec["affinity"]["podAffinity"][_REQUIRED]


def test_a_users_affinity_comes_beside_it() -> None:
    theirs = '{"labelSelector": {"matchLabels": {"a": "b"}}, "topologyKey": "zone"}'
    sets = (
        f'training.affinity.podAffinity={{"{_REQUIRED}": [{theirs}], "preferred": ["it"]}}',
        'training.affinity.nodeAffinity={"any": "thing"}',
    )
    affinity = _pod(sets=sets).spec["affinity"]
    others, own = affinity["podAffinity"][_REQUIRED]
    assert others["topologyKey"] == "zone"
    assert own["topologyKey"] == "kubernetes.io/hostname"
    assert affinity["podAffinity"]["preferred"] == ["it"]
    assert affinity["nodeAffinity"] == {"any": "thing"}


@pytest.mark.parametrize(
    "value",
    [
        'training.voice="another"',
        "training.full=true",
        "training.cpu=9",
        'training.extraEnv=[{"name": "A", "value": "b"}]',
        'image.tag="2"',
        'gateway.existingClaim="others"',
    ],
)
def test_another_one_is_another_job(value: str) -> None:
    """A Job's pods cannot be changed: an upgrade that tried to would fail."""
    assert _job(sets=(value,)) != _job()


def test_what_changes_nothing_in_its_pods_leaves_it_alone() -> None:
    assert _job(sets=("translator.cpu=8", 'training.memory="12Gi"')) == _job()


def test_its_name_fits() -> None:
    """Its pods have it as a label."""
    assert len(_job(release=_LONGEST)) <= 63


def _data(pod: Pod) -> list[Any]:
    (container,) = pod.containers
    return [
        *[it for it in pod.spec["volumes"] if it["name"] == "data"],
        *[it for it in container["volumeMounts"] if it["name"] == "data"],
        environment(container)["BABBLEFISH_DATA_DIR"],
        pod.spec["securityContext"],
    ]


def _trainings(manifests: list[Manifest]) -> list[Pod]:
    return [pod for pod in installed(manifests) if pod.part == "training"]


def _pod(sets: tuple[str, ...]) -> Pod:
    (pod,) = _trainings(helm.render(_TRAINING, sets=sets))
    return pod


def _job(sets: tuple[str, ...] = (), release: str = "demo") -> str:
    (job,) = of_kind(helm.render(_TRAINING, sets=sets, release=release), "Job")
    return name(job)
