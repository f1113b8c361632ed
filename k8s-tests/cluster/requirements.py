"""Why a cluster cannot run on this machine."""

import os
import shutil
import subprocess
from pathlib import Path

from cluster import binaries, network
from cluster.layout import NETWORK, STATE

_PROGRAMS = ("containerd", "runc", "ip", "iptables", "conntrack", "nsenter", "unshare")
_PLUGINS = ("host-local", "loopback", "portmap", "ptp")
_INSTALL = "run `requirements/install-debian requirements/debian-cluster.txt`"


def why_not() -> str | None:
    """One sentence on what is missing, or None if a cluster can run."""
    checks = (_root, _programs, _namespaces, _cgroups, _folder, _go, _addresses)
    return next((reason for check in checks if (reason := check())), None)


def _root() -> str | None:
    if os.geteuid() == 0:
        return None
    return "A cluster of our own needs root: name another by KUBECONFIG."


def _programs() -> str | None:
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    missing += [name for name in _PLUGINS if not Path("/usr/lib/cni", name).exists()]
    return f"{', '.join(missing)} not installed: {_INSTALL}." if missing else None


def _namespaces() -> str | None:
    probe = ("unshare", "--net", "--mount-proc", "--pid", "--fork", "true")
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return None
    return "Namespaces cannot be made here: use a machine, or a privileged container."


def _cgroups() -> str | None:
    groups = Path("/sys/fs/cgroup")
    if any(os.access(path, os.W_OK) for path in (groups / "cgroup.procs", groups / "cpu")):
        return None
    return "Control groups cannot be made here: /sys/fs/cgroup is not writable."


def _folder() -> str | None:
    if not any(STATE.is_relative_to(folder) for folder in ("/run", "/var")):
        return None
    return f"{STATE} is in /run or /var, which nodes replace: set XDG_CACHE_HOME."


def _go() -> str | None:
    if binaries.folder().exists() or shutil.which("go"):
        return None
    return "Go is not installed: install Go 1.26 or newer, which builds Kubernetes."


def _addresses() -> str | None:
    route = network.foreign_route()
    return f"The addresses {NETWORK} are taken here by the route {route}." if route else None
