"""What the dashboard's panels ask."""

import json
from typing import NamedTuple

from deployment import CHART

_FILE = CHART / "dashboards/babblefish.json"
LAPTOPS = "Laptops"
"""The row that shows something only where laptops are."""


class Asked(NamedTuple):
    """An expression of a panel."""

    row: str
    title: str
    expression: str


def asked(namespace: str) -> list[Asked]:
    """All of them, as Grafana would ask for a namespace."""
    found, row = [], ""
    for panel in json.loads(_FILE.read_text())["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        for target in panel.get("targets", []):
            # In a shorter window an operator may have had nothing to do.
            expression = target["expr"].replace("$__rate_interval", "2m")
            found.append(Asked(row, panel["title"], expression.replace("$namespace", namespace)))
    return found
