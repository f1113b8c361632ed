"""The cluster's programs: built from Go modules once, kept by a hash of what they are made of."""

import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
from pathlib import Path

from cluster.commands import run
from cluster.errors import ClusterError
from cluster.layout import CACHE, HERE

_log = logging.getLogger(__name__)

_MODULES = HERE / "go"
_PROGRAMS = (
    "coredns",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "kwok",
)


def folder() -> Path:
    """Where the programs are, or will be once `build` has run."""
    digest = hashlib.sha256()
    for source in sorted(path for path in _MODULES.rglob("*") if path.is_file()):
        digest.update(str(source.relative_to(_MODULES)).encode() + b"\0" + source.read_bytes())
    return CACHE / "bin" / digest.hexdigest()[:16]


def build() -> Path:
    """Builds what is missing: seconds where Go's build cache is warm, minutes where it is not."""
    finished = folder()
    finished.parent.mkdir(parents=True, exist_ok=True)
    with (finished.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two builds at once the second finds all done
        if not finished.exists():
            _build(finished)
    return finished


def _build(finished: Path) -> None:
    if shutil.which("go") is None:
        raise ClusterError("Go is not installed. Install Go 1.26 or newer to build the cluster.")
    _log.info("Building Kubernetes, Helm and traefik: once, and up to 20 minutes on two cores.")
    partial = finished.with_suffix(".partial")
    partial.mkdir(exist_ok=True)
    kubernetes = _MODULES / "kubernetes"
    _go_build(
        kubernetes,
        partial,
        _versions(kubernetes),
        ".",
        "./pause",
        "./device-plugin",
        "helm.sh/helm/v3/cmd/helm",
    )
    _go_build(_MODULES / "traefik", partial, "", "github.com/traefik/traefik/v3/cmd/traefik")
    _go_build(_MODULES / "chart-tools", partial, "", "github.com/yannh/kubeconform/cmd/kubeconform")
    for program in _PROGRAMS:
        (partial / program).unlink(missing_ok=True)
        (partial / program).symlink_to("kubernetes")
    partial.rename(finished)


def _go_build(module: Path, to: Path, link: str, *packages: str) -> None:
    flags = ("-trimpath", "-ldflags", f"-s -w {link}", "-o", f"{to}/")
    environment = {**os.environ, "CGO_ENABLED": "0"}
    try:
        subprocess.run(["go", "build", *flags, *packages], cwd=module, env=environment, check=True)
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"Go could not build {module}: its messages are above.") from error


def _versions(kubernetes: Path) -> str:
    """Linker flags: without them the API server says v0.0.0, and charts refuse it."""
    of = ("go", "-C", str(kubernetes), "list", "-m", "-f", "{{.Version}}")
    version = run(*of, "k8s.io/kubernetes").strip()
    helm = run(*of, "helm.sh/helm/v3").strip()
    major, minor, _ = version.removeprefix("v").split(".")
    variables = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "helm.sh/helm/v3/internal/version.version": helm,
    }
    return " ".join(f"-X {name}={value}" for name, value in variables.items())
