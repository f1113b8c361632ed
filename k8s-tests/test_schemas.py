"""What the chart renders is what the running API server knows, to the last field."""

from pathlib import Path

import pytest
import yaml
from tests.charts import helm
from tests.charts.conftest import CASES
from tests.charts.helm import Manifest

from cluster import Cluster


@pytest.mark.parametrize("values", CASES, ids=lambda path: path.stem)
def test_every_field_is_known(there: Cluster, values: Path) -> None:
    objects = [_admissible(it) for it in helm.render(values, monitors=False)]
    sent = yaml.safe_dump_all(objects)
    checked = there.kubectl(
        "create", "--dry-run=server", "--validate=strict", "--filename=-", given=sent
    )
    assert checked.count("created (server dry run)") == len(objects)


def test_a_misspelt_field_would_be_refused(there: Cluster) -> None:
    for it in helm.render(CASES[0], monitors=False):
        if it["kind"] == "Deployment":
            it["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
            with pytest.raises(Exception, match="unknown field"):
                there.kubectl(
                    "create", "--dry-run=server", "--validate=strict", "--filename=-",
                    given=yaml.safe_dump(_admissible(it)),
                )  # fmt: skip
            return
    pytest.fail("the chart has no Deployment")


def _admissible(rendered: Manifest) -> Manifest:
    """In a namespace that there is; what a bare pod refers to would have to be there already."""
    rendered["metadata"]["namespace"] = "default"
    if rendered["kind"] == "Pod":
        rendered["spec"] |= {"serviceAccountName": "default", "priorityClassName": ""}
    return rendered
