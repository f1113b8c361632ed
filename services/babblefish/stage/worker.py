"""A child process that serves one object, for engines that hold the GIL or may crash.

Both ways over the child's stdin and stdout: a length (uint32, little-endian), then msgpack:
`[id, method, arguments]` down, `[id, value, error]` up. Calls are answered in order. The child
ends when its stdin does, so it never outlives us, even where we are killed.
"""

import asyncio
import contextlib
import importlib
import itertools
import os
import struct
import sys
from typing import Any, BinaryIO

import msgspec

from babblefish.errors import StageDown, StageFailed
from babblefish.telemetry import log

_LENGTH = struct.Struct("<I")
_MAX_MESSAGE = 64 << 20
_STOP_DEADLINE_S = 5.0

_log = log(__name__)


class Worker:
    """Our end of a child process; one that died is never used again."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, target: str, *arguments: object, threads: int = 1) -> "Worker":
        """Starts a process that serves `target` (`module:factory`), called with `arguments`.

        Its numerical libraries use so many `threads`.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "babblefish.stage.worker",
            target,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        worker = cls(process)
        try:
            await worker.call("__init__", *arguments)
        except BaseException:
            await worker.stop()
            raise
        return worker

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return not self._reader.done()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    async def call(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 caller knows
        """The method's answer; raises `StageDown` if the child dies, `StageFailed` if it raises."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        number = next(self._ids)
        self._waiting[number] = future
        try:
            await self._write(number, method, arguments)
            return await future
        finally:
            self._waiting.pop(number, None)

    async def tell(self, method: str, *arguments: object) -> None:
        """Like `call`, but waits for no answer."""
        await self._write(next(self._ids), method, arguments)

    async def stop(self) -> None:
        """Ends the child: politely, then not."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_DEADLINE_S):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _write(self, number: int, method: str, arguments: tuple[object, ...]) -> None:
        body = msgspec.msgpack.encode([number, method, arguments])
        pipe = self._process.stdin
        if pipe is None or not self.alive:
            raise _died()
        try:
            pipe.write(_LENGTH.pack(len(body)) + body)
            await pipe.drain()
        except (ConnectionError, RuntimeError) as error:
            raise _died() from error

    async def _read(self) -> None:
        pipe = self._process.stdout
        try:
            while pipe is not None:
                (size,) = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))
                number, value, error = msgspec.msgpack.decode(await pipe.readexactly(size))
                future = self._waiting.get(number)
                if future and not future.done():
                    self._settle(future, value, error)
        except asyncio.IncompleteReadError:
            _log.info("worker_ended", pid=self.pid)
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(_died())

    def _settle(self, future: asyncio.Future[Any], value: object, error: str | None) -> None:
        if error is None:
            future.set_result(value)
        else:
            _log.error("worker_call_failed", pid=self.pid, error=error)
            future.set_exception(StageFailed("The engine failed.", "Its log says why."))


def _died() -> StageDown:
    return StageDown("The engine's process ended.", "It is started again; say it once more.")


def serve(target: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """The child's end: builds what `target` names at `__init__`, then calls its methods."""
    module, _, factory = target.partition(":")
    servant: Any = None
    while header := requests.read(_LENGTH.size):
        (size,) = _LENGTH.unpack(header)
        if size > _MAX_MESSAGE:
            raise ValueError(f"a message of {size} bytes")
        number, method, arguments = msgspec.msgpack.decode(requests.read(size))
        value, error = None, None
        try:
            if method == "__init__":
                servant = getattr(importlib.import_module(module), factory)(*arguments)
            else:
                value = getattr(servant, method)(*arguments)
        except Exception as raised:  # noqa: BLE001 the caller is told; the next call may do
            error = f"{type(raised).__name__}: {raised}"
        body = msgspec.msgpack.encode([number, value, error])
        answers.write(_LENGTH.pack(len(body)) + body)
        answers.flush()


def _main() -> None:
    # Libraries print to file descriptor 1: give them stderr and keep the pipe to ourselves.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        serve(sys.argv[1], sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
