"""Dynamic batching: requests that arrive together are done together.

An idle engine waits a short window for company; a busy one finds its next batch in the queue.
A batch that fails is done again in halves, so that what spoils it fails alone.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from babblefish.errors import StageBusy, StageDown

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Limits:
    """`size` requests a batch, `window_s` of waiting for them, `queue` requests that may wait."""

    size: int
    window_s: float
    queue: int


class Batcher(Generic[Request, Answer]):
    """Does requests in the order in which they came; `work` answers a batch in its order."""

    def __init__(
        self, work: Callable[[list[Request]], Awaitable[Sequence[Answer]]], limits: Limits
    ) -> None:
        self._work = work
        self._limits = limits
        self._waiting: deque[_Waiting[Request, Answer]] = deque()
        self._enough = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Answer:
        """The answer; raises `StageBusy` if too many wait, and what `work` raises.

        Who is cancelled leaves the queue.
        """
        if len(self._waiting) >= self._limits.queue:
            raise StageBusy("Everybody talks at once.", "Say it again in a moment.")
        waiting: _Waiting[Request, Answer] = _Waiting(
            request, asyncio.get_running_loop().create_future()
        )
        self._waiting.append(waiting)
        if len(self._waiting) >= self._limits.size:
            self._enough.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="batcher")
        try:
            return await waiting.answer
        finally:
            with contextlib.suppress(ValueError):  # it has been taken
                self._waiting.remove(waiting)

    async def stop(self) -> None:
        """Ends the batch at work; whoever waits is told."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        _fail(self._waiting, _stops())

    async def _run(self) -> None:
        """Until nothing waits."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.window_s):
                await self._enough.wait()
        while self._waiting:
            size = min(self._limits.size, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(size)]
            try:
                await self._do(batch)
            except asyncio.CancelledError:
                _fail(batch, _stops())
                raise
        self._enough.clear()

    async def _do(self, taken: "list[_Waiting[Request, Answer]]") -> None:
        batch = [waiting for waiting in taken if not waiting.answer.done()]
        if not batch:
            return
        try:
            answers = await self._work([waiting.request for waiting in batch])
        except Exception as error:  # noqa: BLE001 whoever waits is told; the next batch may do
            await self._blame(batch, error)
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(answer)

    async def _blame(self, batch: "list[_Waiting[Request, Answer]]", error: Exception) -> None:
        """Tells the one that fails alone; of more, tries either half."""
        if len(batch) == 1:
            _fail(batch, error)
            return
        middle = len(batch) // 2
        await self._do(batch[:middle])
        await self._do(batch[middle:])


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting(Generic[Request, Answer]):
    request: Request
    answer: "asyncio.Future[Answer]"


def _stops() -> StageDown:
    return StageDown("The translator stops.", "Say it again in a moment.")


def _fail(batch: "Sequence[_Waiting[Request, Answer]]", error: Exception) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
