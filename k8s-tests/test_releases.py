"""What users do to a release: test it, upgrade it, take it back, take it away."""

import json

import pytest

from cluster import Cluster
from conftest import TWO_OF_EACH, phone
from deployment import CHART, Release


def test_helm_test_speaks_through_the_ingress(babblefish: Release) -> None:
    said = babblefish.helm("test", babblefish.name, "--logs", "--timeout=120s")
    assert "told as “Uno dos tres" in said


async def test_an_upgrade_and_a_rollback_keep_the_link_and_the_service(
    babblefish: Release,
) -> None:
    token = babblefish.token
    babblefish.install_small(*TWO_OF_EACH, "--set=logLevel=debug")
    assert _log_level(babblefish) == "debug"
    babblefish.helm("rollback", babblefish.name, "--wait", "--timeout=180s")
    assert _log_level(babblefish) == "info"
    assert babblefish.token == token
    async with (
        phone(babblefish, "after", "Ana", "es") as ana,
        phone(babblefish, "after", "Dan", "en") as dan,
    ):
        await dan.send(type="text", text="house")
        result = await ana.receive("result", deadline_s=30)
        assert (result["translation"], bool(result["tts_audio"])) == ("Casa", True)


def test_an_upgrade_that_changes_nothing_restarts_nobody(babblefish: Release) -> None:
    parts = ("gateway", "translator", "synthesizer", "operator")
    before = {part: set(babblefish.pods(part)) for part in parts}
    babblefish.install_small(*TWO_OF_EACH)
    assert {part: set(babblefish.pods(part)) for part in parts} == before


def test_a_mistake_is_refused_before_anything_changes(babblefish: Release) -> None:
    with pytest.raises(Exception, match=r"translator/cpu.*got 0\.3, want 1"):
        babblefish.install_small(*TWO_OF_EACH, "--set=translator.pinned=true")
    assert babblefish.helm("status", babblefish.name).count("STATUS: deployed") == 1


def test_uninstalling_leaves_nothing(there: Cluster) -> None:
    release = Release(there, "short", "short-lived")
    release.helm("install", release.name, str(CHART), "--create-namespace",
                 "--set=ingress.host=short.example", "--set=gateway.cpu=100")  # fmt: skip
    assert _left(release)
    release.uninstall()
    assert _left(release) == []
    there.kubectl("delete", "namespace", release.namespace, "--wait=false")


def _log_level(release: Release) -> str:
    deployment = release.get("deployment", f"{release.fullname}-gateway")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return str({it["name"]: it.get("value") for it in container["env"]}["BABBLEFISH_LOG_LEVEL"])


def _left(release: Release) -> list[str]:
    """Every object of every kind in the namespace that the release made."""
    kinds = release.kubectl(
        "api-resources", "--namespaced", "--verbs=list", "--output=name"
    ).split()
    found = json.loads(
        release.kubectl(
            "get", ",".join(kind for kind in kinds if "metrics" not in kind), "--output=json",
            f"--selector=app.kubernetes.io/instance={release.name}",
        )
    )  # fmt: skip
    return [f"{it['kind']}/{it['metadata']['name']}" for it in found["items"]]
