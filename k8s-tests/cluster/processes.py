"""The cluster's long-running programs, by name: recorded, so that only these are ever ended.

A record is the program's own `/proc/<pid>/stat`, written by the child before it becomes the
program: nothing runs unrecorded, whenever we are killed, and a process id that was given to
somebody else is told by its start time.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from cluster.commands import wait_for
from cluster.errors import ClusterError
from cluster.layout import STATE

_RECORDS = STATE / "processes"
_LOGS = STATE / "logs"
_RECORD_AND_BECOME = 'cat /proc/$$/stat >"$0" && exec "$@"'
_START_TIME = 19  # proc_pid_stat(5): field 22, counted from the one behind the name
_END_DEADLINE_S = 10.0
_LAST_WORDS = 5


class Process:
    """A program that outlives us: start, end or start it again from any session."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.log = _LOGS / f"{name}.log"
        self._record = _RECORDS / name
        self._command = _RECORDS / f"{name}.command"

    def start(self, *command: str) -> None:
        """Starts `command`, its output in the log."""
        _LOGS.mkdir(parents=True, exist_ok=True)
        _RECORDS.mkdir(parents=True, exist_ok=True)
        self._command.write_text(json.dumps(command))
        launcher = ("setsid", "--fork", "sh", "-c", _RECORD_AND_BECOME, str(self._record))
        with self.log.open("ab") as log:
            subprocess.run(
                [*launcher, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True
            )
        wait_for(f"The start of {self.name}", lambda: self._recorded() is not None, 5.0)

    def restart(self) -> None:
        """Ends it if it lives, and starts it as it was started before."""
        if not self._command.exists():
            raise ClusterError(f"No process {self.name} was ever started.")
        self.end()
        self.start(*json.loads(self._command.read_text()))

    def end(self) -> None:
        """SIGKILL: what it leaves is thrown away, or what a test wants to see."""
        for pid in reversed(self._pids()):
            _kill(pid)
        wait_for(f"The end of {self.name}", lambda: not self.alive, _END_DEADLINE_S)
        self._record.unlink(missing_ok=True)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return bool(self._pids())

    @property
    def pid(self) -> int:
        """The program's process id on the host."""
        self.require_alive()
        return self._pids()[-1]

    def require_alive(self) -> None:
        """Raises with its last words if it ended."""
        if not self.alive:
            lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
            last = "\n".join(lines[-_LAST_WORDS:])
            raise ClusterError(f"{self.name} does not run. Its log {self.log} ends with:\n{last}")

    def _recorded(self) -> tuple[int, int] | None:
        """The process id and start time of the record."""
        return _identity(self._record)

    def _pids(self) -> list[int]:
        """The recorded process; behind it the program that nsenter or unshare forked for."""
        recorded = self._recorded()
        if recorded is None or _identity(Path(f"/proc/{recorded[0]}/stat")) != recorded:
            return []
        forks = json.loads(self._command.read_text())[0] == "nsenter"
        return [recorded[0], *(_children(recorded[0]) if forks else [])]


def processes() -> list[Process]:
    """Everything that was started."""
    return [Process(command.stem) for command in sorted(_RECORDS.glob("*.command"))]


def end_all() -> None:
    """Ends all that was started, and forgets it."""
    for process in processes():
        process.end()
    shutil.rmtree(_RECORDS, ignore_errors=True)


def _identity(stat: Path) -> tuple[int, int] | None:
    try:
        pid, _, rest = stat.read_text().partition(" (")
        fields = rest.rpartition(") ")[2].split()
        return None if fields[0] == "Z" else (int(pid), int(fields[_START_TIME]))
    except (OSError, ValueError, IndexError):
        return None


def _children(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
