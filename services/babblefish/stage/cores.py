"""How many cores this container really has: thread pools are sized from nothing else."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = CGROUP) -> int:
    """Whole cores: the affinity mask, cut down by the CPU quota of cgroup v2 or v1."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota_v2(cgroup / "cpu.max") or _quota_v1(cgroup / "cpu")
    return max(1, min(allowed, math.floor(quota))) if quota else allowed


def _quota_v2(cpu_max: Path) -> float | None:
    """`max 100000` or `150000 100000` (kernel documentation, cgroup-v2, cpu.max)."""
    try:
        quota, period = cpu_max.read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _quota_v1(cpu: Path) -> float | None:
    """`-1` is no quota (kernel documentation, scheduler/sched-bwc)."""
    try:
        quota = int((cpu / "cpu.cfs_quota_us").read_text())
        period = int((cpu / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None
