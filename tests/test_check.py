import subprocess
import sys

import pytest

from tests.support.server import Server


def check(server: str, expect: str = "tres") -> "subprocess.CompletedProcess[str]":
    flags = {
        "server": server,
        "say": "one two three four five",
        "language": "en",
        "to": "es",
        "expect": expect,
    }
    command = [sys.executable, "-m", "babblefish", "check"]
    command += [f"--{name}={value}" for name, value in flags.items()]
    return subprocess.run(
        [*command, "--insecure"], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.slow
@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_translates_passes(server: Server, secure: bool) -> None:
    done = check(server.https if secure else server.http)
    assert done.returncode == 0, done.stderr
    assert "told as “Uno dos tres" in done.stdout


@pytest.mark.slow
def test_what_was_heard_instead_is_said(server: Server) -> None:
    done = check(server.http, expect="cuatrocientos")
    assert done.returncode == 1
    assert "“cuatrocientos” should be in it" in done.stderr


def test_nobody_there_is_one_line() -> None:
    done = check("http://127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot be called" in done.stderr
    assert "Traceback" not in done.stderr
