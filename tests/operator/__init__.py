# ruff: noqa: A005 nobody imports it as `operator`: it is `tests.operator`
