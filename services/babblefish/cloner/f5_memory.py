"""How much memory this container, else this machine, has and uses."""

from pathlib import Path

from babblefish.cloner.base import Memory
from babblefish.stage.cores import CGROUP

MEMINFO = Path("/proc/meminfo")


def of_machine(cgroup: Path = CGROUP, meminfo: Path = MEMINFO) -> Memory:
    """By cgroup v2 where it is limited (kernel documentation, cgroup-v2, memory)."""
    machine = _of_meminfo(meminfo)
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no cgroup, or `max`: no limit
        return machine
    return Memory(limit, used) if limit < machine.total else machine


def _of_meminfo(meminfo: Path) -> Memory:
    """What is available counts as free: caches make room."""
    lines = (line.split() for line in meminfo.read_text().splitlines())
    kilobytes = {words[0]: int(words[1]) for words in lines}
    total = kilobytes["MemTotal:"]
    return Memory(1024 * total, 1024 * (total - kilobytes["MemAvailable:"]))
