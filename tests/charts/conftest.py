"""Every property is asserted over every file of values."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts import helm
from tests.charts.helm import CHART, Manifest

_HERE = Path(__file__).parent
CASES = [*sorted(CHART.glob("values*.yaml")), *sorted((_HERE / "values").glob("*.yaml"))]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Building `helm` takes minutes, once: the limit is for tests, not for what they stand on."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(60, func_only=True))


@pytest.fixture(scope="session", autouse=True)
def program() -> Path:
    """The `helm` that all tests here need."""
    try:
        return helm.program()
    except helm.Missing as error:
        pytest.skip(f"charts are not tested, because there is no helm. {error}")


@pytest.fixture(scope="session", params=CASES, ids=lambda path: path.stem)
def case(request: pytest.FixtureRequest) -> Path:
    """One file of values after the other."""
    path: Path = request.param
    return path


@pytest.fixture
def manifests(case: Path) -> list[Manifest]:
    """The chart's objects with these values."""
    return helm.render(case)


@pytest.fixture(scope="session")
def values(case: Path) -> dict[str, Any]:
    """What the templates see: the chart's own values, and this file's over them."""
    return _merged(_read(CHART / "values.yaml"), _read(case))


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    return read


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(below[key], it) if isinstance(it, dict) and key in below else it
        for key, it in above.items()
    }
    return {**below, **both}
