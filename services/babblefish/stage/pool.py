"""Worker processes of one engine: started, leased evenly, replaced when they die."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from babblefish.errors import StageBusy, StageDown
from babblefish.stage.worker import Worker
from babblefish.telemetry import log

_log = log(__name__)


class WorkerPool:
    """`size` processes that serve `target`, each with at most `leases` users at a time."""

    def __init__(
        self,
        target: str,
        size: int,
        leases: int,
        arguments: tuple[object, ...],
        threads: int = 1,
    ) -> None:
        self._target = target
        self._arguments = arguments
        self._threads = threads
        self._slots = [_Slot() for _ in range(size)]
        self._free = asyncio.Semaphore(size * leases)

    async def start(self) -> None:
        """Starts every process, so that the first user waits for none."""
        await asyncio.gather(*(self._worker(slot) for slot in self._slots))

    @contextlib.asynccontextmanager
    async def lease(self, deadline_s: float) -> AsyncIterator[Worker]:
        """A share of the least used process; raises `StageBusy` after `deadline_s` without one."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._free.acquire()
        except TimeoutError:
            raise StageBusy("Everybody talks at once.", "Say it again in a moment.") from None
        slot = min(self._slots, key=lambda slot: slot.users)
        slot.users += 1
        try:
            yield await self._worker(slot)
        finally:
            slot.users -= 1
            self._free.release()

    async def stop(self) -> None:
        """Ends every process."""
        workers = [slot.worker for slot in self._slots if slot.worker]
        await asyncio.gather(*(worker.stop() for worker in workers))

    @property
    def pids(self) -> list[int]:
        """The processes that live."""
        return [slot.worker.pid for slot in self._slots if slot.worker and slot.worker.alive]

    async def _worker(self, slot: "_Slot") -> Worker:
        async with slot.starting:
            if slot.worker and slot.worker.alive:
                return slot.worker
            if slot.worker:
                _log.warning("worker_replaced", pid=slot.worker.pid)
                await slot.worker.stop()
            try:
                slot.worker = await Worker.start(
                    self._target, *self._arguments, threads=self._threads
                )
            except OSError as error:
                raise StageDown("The engine could not be started.", str(error)) from error
            return slot.worker


class _Slot:
    """Where a process lives; its successor moves in when it dies."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self.users = 0
        self.starting = asyncio.Lock()
