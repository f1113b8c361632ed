import asyncio
from collections.abc import Awaitable, Sequence

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from babblefish.errors import StageBusy, StageDown
from babblefish.stage import deadline
from babblefish.translator.batching import Batcher, Limits


class Model:
    """Squares numbers, a batch whenever it is let to; fails at 13."""

    def __init__(self, size: int = 4, window_s: float = 0.0, queue: int = 8) -> None:
        self.batches: list[list[int]] = []
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()
        self.batcher: Batcher[int, int] = Batcher(self.work, Limits(size, window_s, queue))

    async def work(self, batch: list[int]) -> list[int]:
        self.batches.append(batch)
        self.began.set()
        await self.may_end.wait()
        if 13 in batch:
            raise StageDown("Thirteen.", "Ask for another number.")
        return [number**2 for number in batch]

    def ask(self, *numbers: int) -> list["asyncio.Task[int]"]:
        return [asyncio.create_task(self.batcher.submit(number)) for number in numbers]

    async def busy_with(self, number: int) -> "asyncio.Task[int]":
        (task,) = self.ask(number)
        await self.began.wait()
        return task


async def outcomes(tasks: Sequence[Awaitable[int]]) -> list[int | BaseException]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_arrives_within_the_window_is_done_together() -> None:
    model = Model(window_s=0.05)
    model.may_end.set()
    first = model.ask(1)
    await asyncio.sleep(0)
    assert await outcomes([*first, *model.ask(2, 3)]) == [1, 4, 9]
    assert model.batches == [[1, 2, 3]]


async def test_a_full_batch_waits_for_nobody() -> None:
    model = Model(size=2, window_s=3600)
    model.may_end.set()
    assert await outcomes(model.ask(1, 2)) == [1, 4]


async def test_what_a_busy_model_finds_in_the_queue_is_its_next_batch() -> None:
    model = Model()
    first = await model.busy_with(0)
    rest = model.ask(1, 2, 3)
    await asyncio.sleep(0)
    model.may_end.set()
    assert await outcomes([first, *rest]) == [0, 1, 4, 9]
    assert model.batches == [[0], [1, 2, 3]]


async def test_a_model_that_was_busy_uses_no_window() -> None:
    model = Model(size=2, window_s=3600)
    tasks = model.ask(1, 2, 3)
    model.may_end.set()
    assert await outcomes(tasks) == [1, 4, 9]


async def test_who_is_cancelled_leaves_the_queue() -> None:
    model = Model()
    first = await model.busy_with(0)
    one, two = model.ask(1, 2)
    await asyncio.sleep(0)
    one.cancel()
    await outcomes([one])
    model.may_end.set()
    assert await outcomes([first, two]) == [0, 4]
    assert model.batches == [[0], [2]]


async def test_who_runs_out_of_time_leaves_the_queue() -> None:
    model = Model()
    first = await model.busy_with(0)
    with pytest.raises(TimeoutError):
        async with deadline.within(0.01):
            await model.batcher.submit(1)
    model.may_end.set()
    assert await first == 0
    assert model.batches == [[0]]


async def test_one_more_than_may_wait_is_told_at_once() -> None:
    model = Model(queue=2)
    first = await model.busy_with(0)
    waiting = model.ask(1, 2)
    await asyncio.sleep(0)
    with pytest.raises(StageBusy):
        await model.batcher.submit(3)
    model.may_end.set()
    assert await outcomes([first, *waiting]) == [0, 1, 4]


async def test_what_fails_takes_no_other_of_its_batch_with_it() -> None:
    model = Model(size=4)
    model.may_end.set()
    one, two, thirteen, three, four = await outcomes(model.ask(1, 2, 13, 3, 4))
    assert isinstance(thirteen, StageDown)
    assert [one, two, three, four] == [1, 4, 9, 16]
    assert model.batches == [[1, 2, 13, 3], [1, 2], [13, 3], [13], [3], [4]]


async def test_who_went_while_a_batch_failed_is_not_asked_for_again() -> None:
    model = Model(size=2)
    gone, other = model.ask(13, 1)
    await model.began.wait()
    gone.cancel()
    await outcomes([gone])
    model.may_end.set()
    assert await other == 1
    assert model.batches == [[13, 1], [1]]


async def test_stopping_tells_whoever_waits() -> None:
    model = Model(size=1)
    first = await model.busy_with(0)
    second = model.ask(1)
    await asyncio.sleep(0)
    await model.batcher.stop()
    assert all(isinstance(told, StageDown) for told in await outcomes([first, *second]))


async def test_stopping_tells_every_part_of_a_batch_that_failed() -> None:
    model = Model(size=2)
    tasks = model.ask(13, 1)
    await model.began.wait()
    model.began.clear()
    model.may_end.set()
    model.may_end.clear()
    await model.began.wait()
    await model.batcher.stop()
    assert all(isinstance(told, StageDown) for told in await outcomes(tasks))


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    waves=st.lists(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=9), max_size=5),
    size=st.integers(1, 4),
)
def test_everybody_gets_the_answer_to_their_own_question(
    waves: list[list[tuple[int, bool]]], size: int
) -> None:
    async def check() -> None:
        model = Model(size=size, queue=100)
        tasks: list[tuple[int, bool, asyncio.Task[int]]] = []
        for wave in waves:
            for number, cancelled in wave:
                (task,) = model.ask(number)
                await asyncio.sleep(0)
                tasks.append((number, cancelled and task.cancel(), task))
            model.may_end.set()
            await asyncio.sleep(0)
        model.may_end.set()
        told = await outcomes([task for *_, task in tasks])
        for (number, cancelled, _), answer in zip(tasks, told, strict=True):
            assert cancelled or (
                isinstance(answer, StageDown) if number == 13 else answer == number**2
            )
        assert all(1 <= len(batch) <= size for batch in model.batches)

    asyncio.run(check())
