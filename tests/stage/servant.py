"""What the worker tests serve in a child process."""

import os


class Servant:
    """Counts, fails and dies on request."""

    def __init__(self, start: int) -> None:
        self.count = start

    def add(self, number: int) -> int:
        self.count += number
        return self.count

    def echo(self, data: bytes) -> bytes:
        print("what a library prints must not get between the answers")  # noqa: T201
        return data

    def pid(self) -> int:
        return os.getpid()

    def fail(self) -> None:
        raise ValueError("on request")

    def die(self) -> None:
        os._exit(3)
