"""What decides knows nothing of what it decides about is made of."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["plan", "capacity", "tokens"])
def test_decisions_import_no_kubernetes(module: str) -> None:
    looked_for = "{'kopf', 'kubernetes', 'aiohttp', 'prometheus_client'}"
    script = (
        f"import sys, babblefish_operator.{module}; print(sorted({looked_for} & {{*sys.modules}}))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert said == "[]\n"
