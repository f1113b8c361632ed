"""The control groups the nodes' pods live in: `/babblefish/<node>` in every hierarchy."""

import contextlib
from pathlib import Path

from cluster.commands import wait_for
from cluster.layout import Node

_MOUNT = Path("/sys/fs/cgroup")
_NAME = "babblefish"
_REMOVE_DEADLINE_S = 10.0


def create(node: Node) -> None:
    """What the kubelet wants to find (`cgroupRoot`), of cgroup v2 or v1."""
    for hierarchy in _hierarchies():
        for group in (hierarchy / _NAME, hierarchy / _NAME / node.name):
            _delegate(group.parent)
            group.mkdir(exist_ok=True)
            _fill_cpuset(group)


def remove() -> None:
    """Every group of ours, once the killed processes have left it."""
    wait_for("The end of the nodes' control groups", _removed, _REMOVE_DEADLINE_S)


def root(node: Node) -> str:
    """The node's group as the kubelet names it."""
    return f"/{_NAME}/{node.name}"


def _hierarchies() -> list[Path]:
    if (_MOUNT / "cgroup.controllers").exists():
        return [_MOUNT]
    return [path for path in _MOUNT.iterdir() if (path / "tasks").exists()]


def _delegate(group: Path) -> None:
    """In cgroup v2 a group has only those controllers that its parent hands down."""
    with contextlib.suppress(FileNotFoundError):
        controllers = (group / "cgroup.controllers").read_text().split()
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))


def _fill_cpuset(group: Path) -> None:
    """In cgroup v1 a new cpuset has no CPUs and no memory, and so takes no process."""
    for resource in ("cpuset.cpus", "cpuset.mems"):
        parent = group.parent / resource
        if parent.exists() and (group.parent / "tasks").exists():
            (group / resource).write_text(parent.read_text())


def _removed() -> bool:
    tops = [path for path in (_MOUNT / _NAME, *_MOUNT.glob(f"*/{_NAME}")) if path.exists()]
    for top in tops:
        with contextlib.suppress(OSError):
            for group in sorted(top.rglob("*/"), reverse=True):
                group.rmdir()
            top.rmdir()
    return not any(top.exists() for top in tops)
