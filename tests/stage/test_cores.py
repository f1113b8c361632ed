import os
from pathlib import Path

import pytest

from babblefish.stage.cores import available_cores

HOST = len(os.sched_getaffinity(0))


def test_without_a_quota_it_is_the_affinity_mask(tmp_path: Path) -> None:
    assert available_cores(tmp_path) == HOST
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert available_cores(tmp_path) == HOST


@pytest.mark.parametrize(("quota", "cores"), [(50_000, 1), (100_000, 1), (1_000_000, HOST)])
def test_a_quota_of_either_cgroup_version_cuts_it_down(
    tmp_path: Path, quota: int, cores: int
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
    assert available_cores(tmp_path) == min(cores, HOST)
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert available_cores(tmp_path) == min(cores, HOST)
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("-1\n")
    assert available_cores(tmp_path) == HOST
