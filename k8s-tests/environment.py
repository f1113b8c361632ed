"""What production stages run with, on this machine: torch is too much to bring as an image.

A Python environment that a pod mounts at /opt/venv, and the models that it mounts beside it. Nodes
have the file system of this machine, but for /run and /var.
"""

import functools
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

from cluster import Cluster
from cluster.layout import CACHE

ROOT = Path(__file__).parents[1]
_CHECKPOINTS = ROOT / "tests/micro/checkpoints"
_LOCKS = ROOT / "requirements"
_UV = Path(sys.executable).with_name("uv")
# As in the images.
_PYTHON = Path("/usr/bin/python3.11")
_MOUNTED_AT = "/opt/venv"


def why_not(there: Cluster) -> str | None:
    """One sentence on why pods there cannot have it, or None."""
    if not there.ours:
        return "nodes that are not ours do not see this machine's files"
    return None if _PYTHON.exists() else f"{_PYTHON}, which the images have, is not here"


@functools.cache
def environment(name: str = "full") -> Path:
    """All that a lock names, and this checkout; made once for each lock."""
    lock = _LOCKS / f"{name}.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = CACHE / "environments" / digest
    if not (folder / "complete").exists():
        _uv("venv", "--clear", "--relocatable", f"--python={_PYTHON}", str(folder))
        for each in (lock, _LOCKS / "build.txt"):
            _install(folder, "--require-hashes", f"--requirement={each}")
        (folder / "complete").touch()
    _install(folder, "--no-deps", "--no-build-isolation", "--reinstall", str(ROOT))
    return folder


def models() -> Path:
    """The micro checkpoints, as anybody may read them: a pod is not who has made them."""
    folder = CACHE / "micro"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_CHECKPOINTS, folder, copy_function=shutil.copyfile)
    return folder


def mounted(folder: Path, part: str) -> list[str]:
    """What helm is told, so that a component's pods find it."""
    volume = {"name": "environment", "hostPath": {"path": str(folder), "type": "Directory"}}
    mount = {"name": "environment", "mountPath": _MOUNTED_AT, "readOnly": True}
    return [
        f"--set-json={part}.extraVolumes={json.dumps([volume])}",
        f"--set-json={part}.extraVolumeMounts={json.dumps([mount])}",
    ]


def _install(folder: Path, *arguments: str) -> None:
    _uv("pip", "install", f"--python={folder}/bin/python", "--compile-bytecode", *arguments)


def _uv(*arguments: str) -> None:
    subprocess.run([_UV, *arguments, "--quiet"], check=True)
