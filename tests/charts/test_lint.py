"""Helm finds nothing to complain about."""

from pathlib import Path

from tests.charts import helm


def test_lint(case: Path) -> None:
    assert "0 chart(s) failed" in helm.lint(case)
