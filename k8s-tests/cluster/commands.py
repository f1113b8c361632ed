"""Runs a program to its end, or waits for something, and says what went wrong."""

import subprocess
import time
from collections.abc import Callable

from cluster.errors import ClusterError

_POLL_S = 0.05


def run(*command: str, given: str | None = None) -> str:
    """What `command` wrote to stdout; `given` is its stdin."""
    try:
        return subprocess.run(
            command, input=given, capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError as error:
        raise ClusterError(f"`{command[0]}` is not installed.") from error
    except subprocess.CalledProcessError as error:
        raise ClusterError(f"`{' '.join(command)}` failed: {error.stderr.strip()}") from error


def wait_for(what: str, happened: Callable[[], bool], deadline_s: float) -> None:
    """Returns once `happened`; `what` names it where it does not."""
    end = time.monotonic() + deadline_s
    while not happened():
        if time.monotonic() > end:
            raise ClusterError(f"{what} did not happen within {deadline_s:.0f} s.")
        time.sleep(_POLL_S)
