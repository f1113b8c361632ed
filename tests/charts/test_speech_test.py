"""`helm test` speaks through the door that phones use."""

from typing import Any

import pytest

from tests.charts import helm
from tests.charts.helm import Manifest
from tests.charts.objects import by_part, environment, of_kind

_INGRESS = ("--connect=traefik.kube-system.svc:443", "--insecure")


def test_it_is_a_hook_that_runs_once(manifests: list[Manifest]) -> None:
    (pod,) = of_kind(manifests, "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["restartPolicy"] == "Never"


def test_it_has_the_stages_image_and_phones_token(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    (test,) = of_kind(manifests, "Pod")[0]["spec"]["containers"]
    template = by_part(manifests, "Deployment")["synthesizer"]["spec"]["template"]
    assert test["image"] == template["spec"]["containers"][0]["image"]
    assert list(environment(test)) == ["BABBLEFISH_JOIN_TOKEN"]
    assert test["args"][0] == "check"


def test_where_sessions_are_resources_it_has_one_of_its_own(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    sessions = of_kind(manifests, "TranslationSession")
    assert len(sessions) == (0 if values["gateway"]["adhocSessions"] else 1)
    (test,) = of_kind(manifests, "Pod")[0]["spec"]["containers"]
    token = environment(test)["BABBLEFISH_JOIN_TOKEN"]["valueFrom"]["secretKeyRef"]
    for session in sessions:
        name = session["metadata"]["name"]
        assert f"--session={name}" in test["args"]
        assert token == {"name": f"{name}-join", "key": "token"}
        assert "hook-succeeded" in session["metadata"]["annotations"]["helm.sh/hook-delete-policy"]


@pytest.mark.parametrize(
    ("sets", "arguments"),
    [
        ((), ("--server=https://traefik.kube-system.svc/", *_INGRESS)),
        (('ingress.host="a.lan"',), ("--server=https://a.lan/", *_INGRESS)),
        (
            ('ingress.host="a.lan"', "ingress.tls.enabled=false"),
            ("--server=http://a.lan/", "--connect=traefik.kube-system.svc:80"),
        ),
        (
            ('ingress.host="a.lan"', 'tests.connect="nginx:8443"'),
            ("--server=https://a.lan/", "--connect=nginx:8443", "--insecure"),
        ),
        (("ingress.enabled=false",), ("--server=http://demo-babblefish-gateway:9000/",)),
    ],
)
def test_it_goes_in_where_phones_go_in(sets: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    (pod,) = of_kind(helm.render(sets=sets), "Pod")
    said = pod["spec"]["containers"][0]["args"]
    assert tuple(said[1 : said.index("--session=demo-babblefish-test")]) == arguments
