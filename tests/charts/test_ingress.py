"""The Ingress leads to the gateway, as the values say."""

from pathlib import Path
from typing import Any

from tests.charts import helm
from tests.charts.helm import CHART, Manifest
from tests.charts.objects import by_part, name, of_kind

_NGINX = "nginx.ingress.kubernetes.io/proxy-read-timeout"


def test_it_leads_to_the_gateways_service(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    service = by_part(manifests, "Service")["gateway"]
    ingresses = of_kind(manifests, "Ingress")
    assert len(ingresses) == values["ingress"]["enabled"]
    for ingress in ingresses:
        (rule,) = ingress["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        backend = path["backend"]["service"]
        assert backend["name"] == name(service)
        assert backend["port"]["name"] in [it["name"] for it in service["spec"]["ports"]]


def test_host_class_and_certificate_are_the_values(
    manifests: list[Manifest], values: dict[str, Any]
) -> None:
    chosen = values["ingress"]
    for ingress in of_kind(manifests, "Ingress"):
        spec = ingress["spec"]
        assert spec["rules"][0].get("host", "") == chosen["host"]
        assert spec.get("ingressClassName", "") == chosen["className"]
        certificates = [it.get("secretName", "") for it in spec.get("tls", [])]
        assert certificates == [chosen["tls"]["secretName"]] * chosen["tls"]["enabled"]


def test_a_given_annotation_wins(case: Path) -> None:
    for ingress in of_kind(helm.render(case, sets=('ingress.className="nginx"',)), "Ingress"):
        assert ingress["metadata"]["annotations"][_NGINX] in ("3600", "7200")


def test_traefik_needs_no_annotation() -> None:
    (ingress,) = of_kind(helm.render(CHART / "values.yaml"), "Ingress")
    assert "annotations" not in ingress["metadata"]
