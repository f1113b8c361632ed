import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from babblefish import settings
from babblefish.stage.cores import are_exclusive, available_cores, report

COUNT = st.integers(1, 256)

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


@given(promised=COUNT, machine=COUNT)
def test_a_static_cpu_manager_allows_just_what_was_promised(promised: int, machine: int) -> None:
    assert are_exclusive(promised, allowed=promised, machine=promised + machine)


@given(promised=COUNT, machine=COUNT)
def test_who_may_run_everywhere_has_nothing_to_himself(promised: int, machine: int) -> None:
    assert not are_exclusive(promised, allowed=machine, machine=machine)


@given(promised=st.integers(0, 256), allowed=COUNT, machine=COUNT)
def test_more_or_fewer_than_promised_are_shared(promised: int, allowed: int, machine: int) -> None:
    assert not are_exclusive(promised, allowed, machine) or promised == allowed


@pytest.mark.parametrize(("pinned", "allowed", "told"), [(True, 3, 1), (True, 2, 0), (False, 3, 0)])
def test_metrics_tell_it(
    monkeypatch: pytest.MonkeyPatch, pinned: bool, allowed: int, told: int
) -> None:
    """Of 3 cores on a machine of 8; what was promised none may by chance be allowed as many."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)))
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    report("specimen", settings.load(["--threads=3", f"--pinned={pinned}"]))
    assert REGISTRY.get_sample_value("babblefish_stage_pinned", {"stage": "specimen"}) == told
    assert REGISTRY.get_sample_value("babblefish_stage_cores", {"stage": "specimen"}) in (1, 2, 3)
