"""What the chart says of its values: in `values.yaml`, in the schema, in the README.

`python -m tests.charts.documented` writes the README's table again.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from tests.charts.helm import CHART
from tests.charts.objects import PARTS

README = CHART / "README.md"
_TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- /values -->)", re.DOTALL)
_KEY = re.compile(r"(?P<indent> *)(?P<key>\w+):")


class Value(NamedTuple):
    """One that a user can set; its path is `translator.image.tag`."""

    path: str
    default: object
    description: str


def described() -> list[Value]:
    """Every value of `values.yaml`; a component's that is not commented means the gateway's."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    comments = dict(_comments())
    return [
        Value(path, default, comments.get(path) or comments[_same_of_gateway(path)])
        for path, default in _leaves(defaults, comments)
    ]


def schema_of(path: str) -> dict[str, Any]:
    """What the schema says of a value."""
    root: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    found = root
    for key in path.split("."):
        found = found["properties"][key]
        if "$ref" in found:
            found = root["definitions"][found["$ref"].rpartition("/")[2]]
    return found


def schema_paths() -> set[str]:
    """Every value that the schema knows."""
    return set(_schema_paths("")) - {"global"}


def table() -> str:
    """The README's: what all components have alike is told once, as `<component>`."""
    rows = {_row(value): None for value in described()}
    return "\n".join(["| value | default | what |", "|---|---|---|", *rows]) + "\n"


def table_in_readme() -> str:
    """As it is there now."""
    found = _TABLE.search(README.read_text())
    return found[0] if found else ""


def _row(value: Value) -> str:
    part, _, key = value.path.partition(".")
    alike = part in PARTS and _defaults(key) == [value.default] * len(PARTS)
    path = f"<component>.{key}" if alike else value.path
    return f"| `{path}` | `{json.dumps(value.default)}` | {value.description} |"


def _defaults(key: str) -> list[object]:
    return [it.default for it in described() if it.path in {f"{part}.{key}" for part in PARTS}]


def _same_of_gateway(path: str) -> str:
    return ".".join(["gateway", *path.split(".")[1:]])


def _comments() -> Iterator[tuple[str, str]]:
    """`# -- …` above a key, as helm-docs reads it."""
    above: list[str] = []
    comment = ""
    for line in (CHART / "values.yaml").read_text().splitlines():
        if line.lstrip().startswith("# -- "):
            comment = line.partition("# -- ")[2]
        elif found := _KEY.match(line):
            above = [*above[: len(found["indent"]) // 2], found["key"]]
            if comment:
                yield ".".join(above), comment
            comment = ""


def _leaves(
    tree: dict[str, Any], comments: dict[str, str], above: str = ""
) -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value and above + key not in comments:
            yield from _leaves(value, comments, f"{above}{key}.")
        else:
            yield above + key, value


def _schema_paths(above: str) -> Iterator[str]:
    here = schema_of(above) if above else json.loads((CHART / "values.schema.json").read_text())
    if "properties" not in here:
        yield above
    for key in here.get("properties", {}):
        yield from _schema_paths(f"{above}.{key}" if above else key)


if __name__ == "__main__":
    README.write_text(_TABLE.sub(lambda _: table(), README.read_text()))
