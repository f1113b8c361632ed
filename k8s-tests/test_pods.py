"""What the pods may do, and what they report."""

import httpx
import pytest

from deployment import Release

PARTS = ["gateway", "translator", "synthesizer", "operator"]


@pytest.mark.parametrize("part", PARTS)
def test_every_pod_runs_as_nobody_on_a_file_system_it_cannot_write(
    babblefish: Release, part: str
) -> None:
    (pod, *_) = babblefish.pods(part)
    said = babblefish.kubectl(
        "exec", pod, "--", "python", "-c",
        "import os; print(os.getuid(), os.getgid(), *(os.access(d, 2) for d in ('/', '/opt')))",
    )  # fmt: skip
    assert said.split() == ["10001", "10001", "False", "False"]


@pytest.mark.parametrize("part", PARTS)
def test_every_pod_has_metrics_in_the_cluster(babblefish: Release, part: str) -> None:
    (pod, *_) = babblefish.pods(part)
    address = babblefish.get("pod", pod)["status"]["podIP"]
    assert "babblefish_" in httpx.get(f"http://{address}:9001/metrics").text


def test_no_pod_logs_the_token(babblefish: Release) -> None:
    for part in PARTS:
        for pod in babblefish.pods(part):
            assert babblefish.token not in babblefish.kubectl("logs", pod)
