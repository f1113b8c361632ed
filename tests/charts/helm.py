"""The real `helm`, asked once for each set of values."""

import functools
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts/babblefish"
NAMESPACE = "talk"
_KUBERNETES = "1.34"
_MONITORS = ("--api-versions", "monitoring.coreos.com/v1")

Manifest = dict[str, Any]


class Refused(Exception):
    """What `helm` said instead of rendering."""


class Missing(Exception):
    """There is no `helm`, and none can be built."""


@functools.cache
def program() -> Path:
    """The cluster's `helm`, else this machine's, else a fresh one; raises `Missing`."""
    from cluster import binaries
    from cluster.errors import ClusterError

    built = binaries.folder() / "helm"
    found = shutil.which("helm")
    if found and not built.exists():
        return Path(found)
    try:
        return binaries.build() / "helm"
    except ClusterError as error:
        raise Missing(str(error)) from error


@functools.cache
def render(
    *values: Path,
    sets: Sequence[str] = (),
    release: str = "demo",
    namespace: str = NAMESPACE,
    monitors: bool = True,
    schema: bool = True,
    chart: Path = CHART,
    kubernetes: str = _KUBERNETES,
) -> list[Manifest]:
    """All objects of the chart with these value files; raises `Refused`."""
    command = ["template", release, str(chart), f"--namespace={namespace}"]
    command += [f"--kube-version={kubernetes}"]
    command += [f"--values={path}" for path in values]
    command += [word for one in sets for word in ("--set-json", one)]
    command += _MONITORS if monitors else ()
    command += () if schema else ("--skip-schema-validation",)
    return [it for it in yaml.load_all(_helm(*command), yaml.CSafeLoader) if it]


def lint(*values: Path) -> str:
    """What `helm lint --strict` has to say; raises `Refused`."""
    files = [f"--values={path}" for path in values]
    return _helm("lint", str(CHART), "--strict", f"--kube-version={_KUBERNETES}", *files)


def _helm(*arguments: str) -> str:
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stdout + done.stderr)
    return done.stdout
