import asyncio
import contextlib
from collections.abc import AsyncIterator

import psutil
import pytest

from babblefish.errors import StageBusy, StageDown
from babblefish.stage.pool import WorkerPool

pytestmark = pytest.mark.slow


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    running = WorkerPool("tests.stage.servant:Servant", size=2, leases=2, arguments=(0,))
    yield running
    await running.stop()


async def test_processes_start_when_wanted_or_when_told(pool: WorkerPool) -> None:
    assert pool.pids == []
    async with pool.lease(1):
        assert len(pool.pids) == 1
    await pool.start()
    assert len(pool.pids) == 2


async def test_users_are_spread_evenly_and_bounded(pool: WorkerPool) -> None:
    async with contextlib.AsyncExitStack() as leases:
        workers = [await leases.enter_async_context(pool.lease(1)) for _ in range(4)]
        users = [worker.pid for worker in workers]
        assert sorted(users.count(pid) for pid in set(users)) == [2, 2]
        with pytest.raises(StageBusy):
            await leases.enter_async_context(pool.lease(0))
    async with pool.lease(0):
        pass  # what was given back can be had at once


async def test_who_waits_gets_what_is_given_back(pool: WorkerPool) -> None:
    async with contextlib.AsyncExitStack() as leases:
        for _ in range(4):
            await leases.enter_async_context(pool.lease(1))
        waiting = asyncio.create_task(leases.enter_async_context(pool.lease(10)))
        await asyncio.sleep(0)
        assert not waiting.done()
        async with contextlib.AsyncExitStack() as returned:
            returned.push_async_exit(leases.pop_all())
            leases.push_async_exit(contextlib.AsyncExitStack())
        await asyncio.wait_for(waiting, 5)


async def test_a_dead_process_is_replaced(pool: WorkerPool) -> None:
    async with pool.lease(1) as worker:
        psutil.Process(worker.pid).kill()
        with pytest.raises(StageDown):
            await worker.call("add", 1)
    async with pool.lease(1) as successor:
        assert await successor.call("add", 1) == 1
        assert successor.pid != worker.pid


async def test_a_process_that_cannot_start_is_an_error_each_time() -> None:
    pool = WorkerPool("tests.stage.servant:Nobody", size=1, leases=1, arguments=())
    for _ in range(3):
        with pytest.raises(StageDown):
            async with pool.lease(1):
                pass
    await pool.stop()
