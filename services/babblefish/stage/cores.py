"""How many cores this container really has, and whether they are its own.

Thread pools are sized from nothing else.
"""

import math
import os
from pathlib import Path

from babblefish import metrics
from babblefish.settings import Settings
from babblefish.telemetry import log

CGROUP = Path("/sys/fs/cgroup")

_log = log(__name__)


def report(stage: str, settings: Settings) -> None:
    """Tells Prometheus, and the log where whole cores were asked for and are shared."""
    cores = available_cores()
    allowed, machine = len(os.sched_getaffinity(0)), os.cpu_count() or 1
    pinned = settings.pinned and are_exclusive(settings.threads, allowed, machine)
    metrics.STAGE_CORES.labels(stage).set(cores)
    metrics.STAGE_PINNED.labels(stage).set(pinned)
    if settings.pinned and not pinned:
        _log.warning("cores_are_shared", stage=stage, cores=cores, allowed=allowed)


def are_exclusive(promised: int, allowed: int, machine: int) -> bool:
    """Whether a container that was promised whole cores has them to itself.

    The kubelet's static CPU manager allows it just as many; any other policy allows all of the
    machine's, and so many cannot be exclusive: some are always reserved
    (https://kubernetes.io/docs/tasks/administer-cluster/cpu-management-policies/). What shares the
    rest may by chance be allowed as many, but was promised none.
    """
    return allowed == promised < machine


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
