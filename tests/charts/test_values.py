"""Values, their comments, their schema and the README say the same."""

import json
from collections.abc import Iterator
from typing import Any

from tests.charts import documented
from tests.charts.helm import CHART


def test_the_schema_knows_every_value_and_no_other() -> None:
    assert documented.schema_paths() == {value.path for value in documented.described()}


def test_the_schema_describes_a_value_as_its_comment_does() -> None:
    for value in documented.described():
        assert documented.schema_of(value.path)["description"] == value.description, value.path


def test_the_schema_is_strict() -> None:
    root = json.loads((CHART / "values.schema.json").read_text())
    for path, node in _objects("", root):
        assert node["additionalProperties"] is False, path


def test_the_readme_tells_every_value() -> None:
    said = "`python -m tests.charts.documented` writes it again"
    assert documented.table_in_readme() == documented.table(), said


def _objects(path: str, node: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those with named properties; what a condition says of them is no schema of its own."""
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            yield path, node
        for key, inner in node.items():
            if key not in ("if", "then"):
                yield from _objects(f"{path}/{key}", inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _objects(path, inner)
