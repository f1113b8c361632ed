"""What a real API server makes of sessions, and Helm of their definition."""

import base64
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import binaries
from tests.charts import apiserver
from tests.charts.apiserver import ApiServer, Refused
from tests.charts.helm import CHART

pytestmark = pytest.mark.cluster

_EXAMPLE = CHART / "examples/session.yaml"
_DEFINITION = "crd/translationsessions.babblefish.io"
_LIGHT = f"--values={CHART / 'values-light.yaml'}"
_CREATE = ("create", "--namespace=default", "--dry-run=server", "--filename=-")
_MERGE = ("patch", "--namespace=one", "--type=merge")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that nothing is installed on."""
    programs = binaries.folder()
    if not (programs / "kube-apiserver").exists():
        pytest.skip("`make test-cluster` builds the API server; it is not there yet.")
    with apiserver.running(programs, tmp_path_factory.mktemp("api-server")) as server:
        yield server


@pytest.fixture(scope="module")
def there(bare: ApiServer) -> ApiServer:
    """With a release, and so with the definition."""
    _install(bare, "first", "one")
    bare.kubectl("wait", _DEFINITION, "--for=condition=Established", "--timeout=20s")
    return bare


def test_the_definition_is_structural_and_its_names_are_taken(there: ApiServer) -> None:
    conditions = there.get(_DEFINITION)["status"]["conditions"]
    assert {it["type"]: it["status"] for it in conditions} == {
        "NamesAccepted": "True",
        "Established": "True",
    }


def test_the_example_is_taken_and_the_rest_filled_in(there: ApiServer) -> None:
    there.kubectl("apply", "--namespace=one", f"--filename={_EXAMPLE}")
    asked = yaml.safe_load(_EXAMPLE.read_text())
    assert there.get("tsession", asked["metadata"]["name"], "--namespace=one")["spec"] == {
        "maxClients": 50,
        "voiceCloning": "Disabled",
        "suspended": False,
        "synthesizer": {"minReplicas": 0, "maxReplicas": 5, "clientsPerReplica": 2},
        **asked["spec"],
    }


@pytest.mark.parametrize("given", [{"maxReplicas": 1}, {"clientsPerReplica": 2.5}, {}, None])
def test_half_a_synthesizer_is_filled_in(there: ApiServer, given: dict[str, float] | None) -> None:
    created = there.kubectl(*_CREATE, "--output=json", given=_session(synthesizer=given))
    assert yaml.safe_load(created)["spec"]["synthesizer"] == {
        "minReplicas": 0,
        "maxReplicas": 5,
        "clientsPerReplica": 2,
        **(given or {}),
    }


@pytest.mark.parametrize("ttl", ["1s", "90m", "8h", "1h30m", "720h", "30m30s"])
def test_a_lifetime_is_taken(there: ApiServer, ttl: str) -> None:
    assert "created" in there.kubectl(*_CREATE, given=_session(ttl=ttl))


_OF_FIRST = "TranslationSession was defined by release first in namespace one"
_CODES = "two lower-case letters"
_DURATION = "hours, minutes and seconds, as in 8h"


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"languages": []}, "spec.languages", "at least 1 items"),
        ({"languages": None}, "spec.languages", "Required value"),
        ({"languages": ["EN"]}, r"spec.languages\[0\]", _CODES),
        ({"languages": ["en", "eng"]}, r"spec.languages\[1\]", _CODES),
        ({"languages": ["en-US"]}, r"spec.languages\[0\]", _CODES),
        ({"languages": ["en", "es", "en"]}, r"spec.languages\[2\]", "Duplicate value"),
        ({"languages": [f"a{it:c}" for it in range(97, 118)]}, "spec.languages", "at most 20"),
        ({"maxClients": 0}, "spec.maxClients", "greater than or equal to 1"),
        ({"maxClients": 501}, "spec.maxClients", "less than or equal to 500"),
        ({"maxClients": "many"}, "spec.maxClients", "must be of type integer"),
        ({"voiceCloning": "Yes"}, "spec.voiceCloning", '"Disabled", "OptIn"'),
        ({"suspended": "yes"}, "spec.suspended", "must be of type boolean"),
        ({"ttl": ""}, "spec.ttl", _DURATION),
        ({"ttl": "tomorrow"}, "spec.ttl", _DURATION),
        ({"ttl": "-8h"}, "spec.ttl", _DURATION),
        ({"ttl": "7d"}, "spec.ttl", _DURATION),
        ({"ttl": "0h"}, "spec.ttl", "longer than 0"),
        ({"ttl": "720h1s"}, "spec.ttl", "at most 30 days"),
        ({"ttl": "99999h999999m99999999s"}, "spec.ttl", "at most 30 days"),
        ({"synthesizer": {"minReplicas": -1}}, "spec.synthesizer.minReplicas", "equal to 0"),
        (
            {"synthesizer": {"minReplicas": 6}},
            "spec.synthesizer.minReplicas",
            "more than maxReplicas, which is 5 unless it is set",
        ),
        (
            {"synthesizer": {"clientsPerReplica": 0.5}},
            "spec.synthesizer.clientsPerReplica",
            "equal to 1",
        ),
        ({"langages": ["en"]}, "unknown field", r"spec\.langages"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    there: ApiServer, spec: dict[str, Any], field: str, said: str
) -> None:
    refusal = _refusal(there, _session(**spec))
    _assert_said(refusal, field, said)


def test_a_name_that_no_link_can_carry_is_refused(there: ApiServer) -> None:
    _assert_said(_refusal(there, _session("s" * 64)), "invalid", "has at most 63 characters")
    assert "created" in there.kubectl(*_CREATE, given=_session("s" * 63))


def test_who_does_not_ask_for_strictness_has_unknown_fields_dropped(there: ApiServer) -> None:
    loose = ("--validate=false", "--output=json")
    created = there.kubectl(*_CREATE, *loose, given=_session(langages=["en"]))
    assert "langages" not in yaml.safe_load(created)["spec"]


def test_a_look_shows_the_state(there: ApiServer) -> None:
    there.kubectl("apply", "--filename=-", given=_session("seen", namespace="one"))
    status = {
        "phase": "Ready",
        "clients": 3,
        "languagesInUse": ["en", "es"],
        "synthesizer": {"wanted": 2, "ready": 1, "limitedBy": ""},
        "joinURL": "https://talk.example.org/?session=seen",
        "expiresAt": "2030-01-01T00:00:00Z",
        "observedGeneration": 1,
        "conditions": [_condition("Ready")],
    }
    _patch_status(there, "seen", status)
    assert there.get("tsession", "seen", "--namespace=one")["status"] == status
    head, row = there.kubectl("get", "tsession", "seen", "--namespace=one").splitlines()
    columns = ["NAME", "PHASE", "CLIENTS", "LANGUAGES", "VOICES", "WANTED", "CLONING", "AGE"]
    assert head.split() == columns
    assert row.split()[:-1] == ["seen", "Ready", "3", '["en","es"]', "1", "2"]
    wide = there.kubectl("get", "babblefish", "--namespace=one", "--output=wide")
    assert "https://talk.example.org/?session=seen" in wide


def test_conditions_of_others_are_left_alone(there: ApiServer) -> None:
    """They are a map by their type, for whoever applies on the server."""
    there.kubectl("apply", "--filename=-", given=_session("shared", namespace="one"))
    for manager in ("Ready", "Checked"):
        applied = {
            **_session("shared", namespace="one"),
            "status": {"conditions": [_condition(manager)]},
        }
        del applied["spec"]
        there.kubectl(
            "apply", "--server-side", "--subresource=status", f"--field-manager={manager}",
            "--filename=-", given=applied,
        )  # fmt: skip
    conditions = there.get("tsession", "shared", "--namespace=one")["status"]["conditions"]
    assert {it["type"] for it in conditions} == {"Ready", "Checked"}


def test_a_spec_does_not_change_the_status_nor_a_status_the_spec(there: ApiServer) -> None:
    there.kubectl("apply", "--filename=-", given=_session("apart", namespace="one"))
    _patch_status(there, "apart", {"phase": "Ready"}, {"maxClients": 7})
    there.kubectl(*_MERGE, '--patch={"spec": {"maxClients": 8}, "status": {"phase": "No"}}',
                  "tsession", "apart")  # fmt: skip
    found = there.get("tsession", "apart", "--namespace=one")
    assert (found["spec"]["maxClients"], found["status"]["phase"]) == (8, "Ready")
    assert found["metadata"]["generation"] == 2


def test_people_can_look_fields_up(there: ApiServer) -> None:
    explained = there.kubectl("explain", "tsession.spec")
    for said in ("<[]string> -required-", "ISO 639-1", "8h, 90m or 1h30m", "OptIn"):
        assert said in explained


@pytest.mark.parametrize(
    ("allowed", "what"),
    [
        ("yes", ("list", "nodes")),
        ("yes", ("list", "pods", "--all-namespaces")),
        ("yes", ("patch", "translationsessions", "--subresource=status", "--namespace=one")),
        ("yes", ("patch", "deployments/first-babblefish-synthesizer", "--subresource=scale",
                 "--namespace=one")),
        ("no", ("patch", "deployments/first-babblefish-translator", "--subresource=scale",
                "--namespace=one")),
        ("no", ("patch", "translationsessions", "--namespace=one")),
        ("no", ("get", "secrets", "--namespace=default")),
    ],
)  # fmt: skip
def test_the_operator_may(there: ApiServer, allowed: str, what: tuple[str, ...]) -> None:
    account = "--as=system:serviceaccount:one:first-babblefish-operator"
    try:
        answer = there.kubectl("auth", "can-i", *what, account)
    except Refused as refused:
        answer = str(refused)
    assert answer.split()[-1] == allowed


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A chart whose sessions show no phase."""
    chart = tmp_path / "babblefish"
    shutil.copytree(CHART, chart)
    definition = chart / "templates/session/definition.yaml"
    phase = re.compile(r" +- name: Phase\n.*\n.*\n")
    definition.write_text(phase.sub("", definition.read_text(), count=1))
    return chart


def test_from_one_release_to_the_next(there: ApiServer, older: Path) -> None:
    """An upgrade mends the definition; a second release leaves it; nobody's end takes it away."""
    there.kubectl("apply", "--filename=-", given=_session("lasting", namespace="one"))
    key = _session_key(there, "first")
    _install(there, "first", "one", chart=older)
    assert not _shows_phases(there)
    _install(there, "first", "one")
    assert _shows_phases(there), "an upgrade brings the definition with it"
    assert _session_key(there, "first") == key, "links stay good"

    for _ in ("install", "upgrade"):
        assert _OF_FIRST in _install(there, "first", "two", chart=older)
    assert _shows_phases(there), "it is the first release's to change, whatever the name"

    there.helm("uninstall", "first", "--namespace=one")
    assert there.get("tsession", "lasting", "--namespace=one")

    notes = _install(there, "anew", "one", chart=older)
    assert _OF_FIRST in notes
    for command in re.findall(r"kubectl (\w+ --overwrite .*)", notes.replace("\\\n", " ")):
        there.kubectl(*command.split())
    assert "was defined by" not in _install(there, "anew", "one", chart=older)
    assert not _shows_phases(there), "who has taken it over changes it"

    _install(there, "anew", "one", "--set=crds.install=false")
    there.helm("uninstall", "anew", "--namespace=one")
    assert there.get("tsession", "lasting", "--namespace=one")


def _session(name: str = "some", namespace: str = "default", **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "babblefish.io/v1alpha1",
        "kind": "TranslationSession",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"languages": ["en", "es"], **spec},
    }


def _condition(about: str) -> dict[str, Any]:
    return {
        "type": about,
        "status": "True",
        "reason": "Open",
        "message": "Phones can join.",
        "lastTransitionTime": "2030-01-01T00:00:00Z",
        "observedGeneration": 1,
    }


def _patch_status(
    there: ApiServer, name: str, status: dict[str, Any], spec: dict[str, Any] | None = None
) -> None:
    patch = yaml.safe_dump({"status": status, **({"spec": spec} if spec else {})})
    there.kubectl(*_MERGE, "tsession", name, "--subresource=status", f"--patch={patch}")


def _refusal(there: ApiServer, session: dict[str, Any]) -> str:
    with pytest.raises(Refused) as refused:
        there.kubectl(*_CREATE, given=session)
    return str(refused.value)


def _install(
    there: ApiServer, release: str, namespace: str, *arguments: str, chart: Path = CHART
) -> str:
    return there.helm(
        "upgrade", "--install", release, str(chart), f"--namespace={namespace}",
        "--create-namespace", _LIGHT, *arguments,
    )  # fmt: skip


def _shows_phases(there: ApiServer) -> bool:
    (version,) = there.get(_DEFINITION)["spec"]["versions"]
    return "Phase" in {it["name"] for it in version["additionalPrinterColumns"]}


def _session_key(there: ApiServer, release: str) -> bytes:
    secret = there.get("secret", f"{release}-babblefish-session-key", "--namespace=one")
    return base64.b64decode(secret["data"]["key"])


def _assert_said(refusal: str, *words: str) -> None:
    for each in words:
        assert re.search(each, refusal), refusal
