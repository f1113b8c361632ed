import subprocess
import sys

import pytest

from tests.support.command import babblefish
from tests.support.server import Server


def arguments(server: str, expect: str = "tres") -> list[str]:
    flags = {
        "server": server,
        "say": "one two three four five",
        "language": "en",
        "to": "es",
        "expect": expect,
    }
    return ["check", *(f"--{name}={value}" for name, value in flags.items()), "--insecure"]


def check(*asked: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "babblefish", *asked],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize("secure", [False, True])
def test_a_server_that_translates_passes(server: Server, secure: bool) -> None:
    done = check(*arguments(server.https if secure else server.http))
    assert done.returncode == 0, done.stderr
    assert "told as “Uno dos tres" in done.stdout


@pytest.mark.slow
def test_what_was_heard_instead_is_said(server: Server) -> None:
    done = check(*arguments(server.http, expect="cuatrocientos"))
    assert done.returncode == 1
    assert "“cuatrocientos” should be in it" in done.stderr


def test_nobody_there_is_one_line() -> None:
    status, said = babblefish(*arguments("http://127.0.0.1:1"))
    assert status == 1
    assert "cannot be called" in said
    assert said.count("\n") == 1
