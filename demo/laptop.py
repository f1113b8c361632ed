"""A laptop with the micro F5: the real program, in a process of its own."""

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

from tests.micro import CHECKPOINTS

_NAME = "laptop"


class Laptop:
    """Comes and goes; ended with the block."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._environment = {
            **os.environ,
            "BABBLEFISH_ACCELERATOR_TOKEN": token,
            "BABBLEFISH_MODELS_DIR": str(CHECKPOINTS),
            "BABBLEFISH_THREADS": "1",
            "BABBLEFISH_PORT": "0",
            "BABBLEFISH_LOG_LEVEL": "error",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """It dials as soon as its model is warm."""
        command = [sys.executable, "-m", "babblefish", "accelerator", f"--server={self._url}"]
        self._process = subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """As when the battery is empty."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(30)
