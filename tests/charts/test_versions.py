"""The chart installs the program that it comes with, on the Kubernetes that it needs."""

import tomllib

import pytest
import yaml

from tests.charts import helm
from tests.charts.helm import CHART


def test_chart_and_program_are_of_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]
    assert chart["appVersion"] == chart["version"] == project["version"]


def test_a_kubernetes_without_sleep_before_the_end_is_refused() -> None:
    with pytest.raises(helm.Refused, match=r"requires kubeVersion: >=1\.30"):
        helm.render(kubernetes="1.29")
