import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from babblefish.errors import StageDown
from babblefish.stage.worker import Worker

pytestmark = pytest.mark.slow

TARGET = "tests.stage.servant:Servant"


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    running = await Worker.start(TARGET, 40)
    yield running
    await running.stop()


async def test_calls_are_answered_by_a_process_of_their_own(worker: Worker) -> None:
    assert await worker.call("add", 2) == 42
    assert await worker.call("pid") == worker.pid != os.getpid()


async def test_calls_keep_their_order_and_their_answers(worker: Worker) -> None:
    answers = await asyncio.gather(*(worker.call("add", 1) for _ in range(100)))
    assert answers == list(range(41, 141))


async def test_what_was_told_is_done_before_what_is_called(worker: Worker) -> None:
    await worker.tell("add", 1)
    assert await worker.call("add", 0) == 41


async def test_large_messages_pass_and_prints_do_no_harm(worker: Worker) -> None:
    data = os.urandom(2_000_000)
    assert await worker.call("echo", data) == data


async def test_a_method_that_raises_costs_only_that_call(worker: Worker) -> None:
    with pytest.raises(StageDown):
        await worker.call("fail")
    with pytest.raises(StageDown):
        await worker.call("no_such_method")
    assert await worker.call("add", 0) == 40


async def test_a_caller_who_gives_up_leaves_the_answers_in_step(worker: Worker) -> None:
    given_up = asyncio.create_task(worker.call("add", 1))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await worker.call("add", 1) == 42


async def test_whoever_waits_learns_of_the_death(worker: Worker) -> None:
    waiting = [worker.call("die"), worker.call("add", 1)]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, StageDown) for outcome in outcomes)
    assert not worker.alive
    with pytest.raises(StageDown):
        await worker.call("add", 1)


async def test_a_target_that_cannot_be_built_leaves_no_process() -> None:
    before = psutil.Process().children()
    with pytest.raises(StageDown):
        await Worker.start("tests.stage.servant:Nobody")
    assert psutil.Process().children() == before


@pytest.mark.slow
async def test_the_child_ends_when_its_parent_is_killed() -> None:
    script = (
        "import asyncio\n"
        "from babblefish.stage.worker import Worker\n"
        "async def main():\n"
        f"    worker = await Worker.start({TARGET!r}, 0)\n"
        "    print(worker.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(await asyncio.to_thread(parent.stdout.readline)))
    parent.kill()
    parent.wait()
    await asyncio.to_thread(child.wait, 5)
