"""What the chart renders is what the running API server knows, to the last field."""

from pathlib import Path

import pytest
import yaml
from tests.charts import helm
from tests.charts.conftest import CASES
from tests.charts.helm import Manifest

from cluster import ClusterError
from deployment import Release


@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
def test_every_field_is_known(babblefish: Release, values: Path) -> None:
    objects = [_admissible(it) for it in helm.render(values, monitors=False)]
    sent = yaml.safe_dump_all(objects)
    assert _checked(babblefish, sent).count("(server dry run)") == len(objects)


def test_a_misspelt_field_would_be_refused(babblefish: Release) -> None:
    for it in helm.render(CASES[0], monitors=False):
        if it["kind"] == "Deployment":
            it["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
            with pytest.raises(ClusterError, match="livenesProbe"):
                _checked(babblefish, yaml.safe_dump(_admissible(it)))
            return
    pytest.fail("the chart has no Deployment")


def _checked(release: Release, sent: str) -> str:
    """What the server says; some of it, the session's definition, may be there already."""
    return release.cluster.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict",
        "--filename=-", given=sent,
    )  # fmt: skip


def _admissible(rendered: Manifest) -> Manifest:
    """In a namespace that there is; what a bare pod refers to would have to be there already."""
    rendered["metadata"]["namespace"] = "default"
    if rendered["kind"] == "Pod":
        rendered["spec"] |= {"serviceAccountName": "default", "priorityClassName": ""}
    return rendered
