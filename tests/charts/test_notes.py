"""What `helm install` prints: where to go, how to get the link, what to mind."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.charts import helm
from tests.charts.helm import CHART, Manifest
from tests.charts.objects import environment, name, of_kind, parts, served


@pytest.fixture(scope="session")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with its notes as an object: `helm template` leaves them out."""
    chart = tmp_path_factory.mktemp("noted") / "babblefish"
    shutil.copytree(CHART, chart)
    notes = (CHART / "templates/NOTES.txt").read_text()
    (chart / "templates/notes.yaml").write_text(
        '{{- define "notes" -}}\n' + notes + '{{- end }}\nnotes: {{ include "notes" . | toJson }}\n'
    )
    return chart


@pytest.fixture
def notes(noted: Path, case: Path) -> str:
    """With one file's values."""
    return _notes(noted, case)


def test_the_link_is_read_from_the_gateways_secret_by_a_command(
    notes: str, manifests: list[Manifest], values: dict[str, Any]
) -> None:
    (gateway,) = [pod for pod in served(manifests) if pod.part == "gateway"]
    variable = environment(gateway.containers[0])["BABBLEFISH_JOIN_TOKEN"]
    secret = variable["valueFrom"]["secretKeyRef"]
    read = f"get secret {secret['name']} -o jsonpath='{{.data.{secret['key']}}}' | base64 -d"
    link = f"/?session=lobby#token=$(kubectl -n talk {read})"
    assert (link in notes) is values["gateway"]["adhocSessions"]


def test_a_session_is_made_by_a_command_where_phones_open_none(
    notes: str, values: dict[str, Any]
) -> None:
    example = (CHART / "examples/session.yaml").read_text()
    made = f"\nkubectl -n talk apply -f - <<END\n{example}END\n"
    link = "kubectl -n talk get secret weekly-join -o jsonpath='{.data.url}' | base64 -d"
    for command in (made, link):
        assert (command in notes) is not values["gateway"]["adhocSessions"]


def test_the_address_is_the_ingress_or_a_port_forward(notes: str, values: dict[str, Any]) -> None:
    ingress = values["ingress"]
    scheme = "https" if ingress["tls"]["enabled"] else "http"
    address = f"{scheme}://{ingress['host'] or '<address of the ingress controller>'}/?"
    linked = values["gateway"]["adhocSessions"]
    assert (address in notes) is (linked and ingress["enabled"])
    assert ("http://localhost:9000/?" in notes) is (linked and not ingress["enabled"])
    assert ("port-forward" in notes) is not ingress["enabled"]


def test_it_warns_of_what_will_surprise(notes: str, values: dict[str, Any]) -> None:
    ingress, tls = values["ingress"], values["ingress"]["tls"]
    expected = {
        "ingress.tls.enabled is false": ingress["enabled"] and not tls["enabled"],
        "ingress.tls.secretName is empty": ingress["enabled"]
        and tls["enabled"]
        and not tls["secretName"],
        "ingress.host is empty": ingress["enabled"] and not ingress["host"],
        "kubectl taint node LAPTOP babblefish.io/accelerator=f5:NoSchedule": values["cloner"][
            "enabled"
        ],
        "cpuManagerPolicy: static": any(
            values[it]["pinned"] for it in parts(values) if it != "operator"
        ),
    }
    for warning, due in expected.items():
        assert (warning in notes) is due, warning


def test_a_training_is_followed_by_a_command(notes: str, manifests: list[Manifest]) -> None:
    jobs = [name(job) for job in of_kind(manifests, "Job")]
    assert all(f"logs --follow job/{job}\n" in notes for job in jobs)
    assert ("job/" in notes) is bool(jobs)


def test_a_dot_in_the_secrets_key_is_escaped(noted: Path, case: Path) -> None:
    sets = ('joinToken={"existingSecret": "s", "existingSecretKey": "join.token"}',)
    assert r"{.data.join\.token}" in _notes(noted, case, (*sets, "gateway.adhocSessions=true"))


def _notes(chart: Path, case: Path, sets: tuple[str, ...] = ()) -> str:
    (notes,) = [it["notes"] for it in helm.render(case, chart=chart, sets=sets) if "notes" in it]
    return str(notes)
