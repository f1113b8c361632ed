import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import serving
from tests.support.stages import staged

pytestmark = pytest.mark.slow  # each starts a gateway, or the engines, of its own


def doctor(data_home: Path, **settings: object) -> tuple[int, dict[str, str]]:
    """Its exit status, and its lines by what they are about."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    run = subprocess.run(
        [sys.executable, "-m", "babblefish", "doctor", *flags],
        env={**os.environ, "XDG_DATA_HOME": str(data_home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stderr == ""
    return run.returncode, {line[2:14].strip(): line for line in run.stdout.splitlines()}


def test_a_machine_that_has_everything_can_run_the_profile(tmp_path: Path) -> None:
    status, lines = doctor(tmp_path, port=0)
    assert status == 0
    assert lines["Python"].startswith(f"✓ Python       {sys.version.split()[0]}")
    assert "en" in lines["languages"]
    for what in ("engines", "languages", "http", "https", "data folder"):
        assert lines[what].startswith("✓"), lines[what]
    assert lines["certificate"].startswith("–")


def test_looking_changes_nothing(tmp_path: Path) -> None:
    doctor(tmp_path, port=0)
    assert list(tmp_path.iterdir()) == []


def test_without_translation_pairs_it_says_what_to_install(tmp_path: Path) -> None:
    status, lines = doctor(tmp_path, port=0, apertium_modes=tmp_path / "none")
    assert status == 1
    assert lines["languages"].startswith("✗")
    assert "apt-get install" in lines["languages"]


def test_an_engine_that_is_not_installed_is_named(tmp_path: Path) -> None:
    status, lines = doctor(tmp_path, port=0, translator="local:nonesuch")
    assert status == 1
    assert lines["engines"].startswith("✗")
    assert "nonesuch" in lines["engines"]


def test_a_taken_port_is_a_remark_for_it_may_be_ours(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        status, lines = doctor(tmp_path, port=taken.getsockname()[1])
    assert status == 0
    assert lines["http"].startswith("–")
    assert "PORT=" in lines["http"]


def test_a_folder_that_cannot_be_written_is_a_remark(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, lines = doctor(tmp_path, port=0, data_dir=tmp_path / "file" / "kept")
    assert status == 0
    assert lines["data folder"].startswith("–")


def test_it_tells_how_long_the_certificate_lasts(tmp_path: Path) -> None:
    with serving(data_dir=tmp_path / "babblefish", warm_up=False):
        pass
    status, lines = doctor(tmp_path, port=0)
    assert status == 0
    assert "395 days left" in lines["certificate"]


def test_a_broken_authority_is_what_keeps_the_profile_from_running(tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_text("nonsense")
    status, lines = doctor(tmp_path, port=0, data_dir=tmp_path)
    assert status == 1
    assert lines["certificate"].startswith("✗")


@pytest.mark.parametrize("flag", ["--nonsense=1", "--port=abc"])
def test_a_wrong_setting_is_one_line(flag: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "babblefish", "doctor", flag],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1


def test_engines_in_other_processes_are_asked_too(tmp_path: Path) -> None:
    with staged("translator", threads=1) as far:
        status, lines = doctor(tmp_path, port=0, translator=far.url)
    assert status == 0
    assert far.url in lines["engines"]
    assert "en" in lines["languages"]
