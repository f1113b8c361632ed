"""Sentences in their speakers' own voices: what they add, how many there can be, and what a laptop
that goes costs. Laptops are the real program; their engine takes `SENTENCE_S` a sentence, in turn.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
from tests.gateway.meeting import SAID, WORDS, Meeting, agrees, client_id, meeting, telling_apart
from tests.support.employer import Employer, employing, raw_laptop
from tests.support.laptop import ScriptedCloner, laptop
from tests.support.phone import Message, Phone

from babblefish.audio import SAMPLE_RATE, Audio
from bench import report

SENTENCE_S = 0.8
RUNS = 20
AT_ONCE = 40
CYCLES = 1000
_AIM_ADDED_S = 0.85
_AIM_RATIO = 1.8
_AIM_STOCK_MS = 5


async def run() -> None:
    await _latencies()
    await _throughput()
    await _deaths()
    await _cycles()


# ── what a listener waits ────────────────────────────────────────────────────────────────────


async def _latencies() -> None:
    """By turns in two meetings, of which one has a laptop."""
    added: list[float] = []
    stock: dict[bool, list[float]] = {False: [], True: []}
    async with AsyncExitStack() as stack:
        sides = {
            equipped: await stack.enter_async_context(_talk(equipped=equipped))
            for equipped in (False, True)
        }
        for number in range(RUNS + 1):
            for equipped, (room, dan) in sides.items():
                told = await room.says(dan, "dan", live=True)
                if told["has_f5_pending"]:
                    own = await _own_voice(room.listener, told)
                    added.extend([own] * (number > 0))  # the first brings the voice there
                if number:
                    stock[equipped].append(told["latency_ms"])
    report.heading(f"Speech end → speech, a laptop taking {SENTENCE_S} s a sentence ({RUNS} runs)")
    report.figure("stock voice, no laptop", report.spread(stock[False], "ms"))
    report.figure("stock voice, with a laptop", report.spread(stock[True], "ms"))
    apart = median(stock[True]) - median(stock[False])
    met = bool(abs(apart) <= _AIM_STOCK_MS)
    report.figure("apart", f"{apart:+.0f} ms", f"± {_AIM_STOCK_MS} ms", met)
    report.figure("of these sentences, in their own voice", f"{len(added)} of {RUNS}")
    met = bool(median(added) <= _AIM_ADDED_S)
    report.figure(
        "own voice, after the stock voice", report.spread(added, "s", 3), f"≤ {_AIM_ADDED_S} s", met
    )


async def _own_voice(listener: Phone, told: Message) -> float:
    """Seconds after the stock voice; for ever where it was dropped."""
    try:
        own = await listener.receive("f5_result", deadline_s=8, utterance_id=told["utterance_id"])
    except TimeoutError:
        return float("inf")
    return float(own["latency_ms"] - told["latency_ms"]) / 1000


@contextlib.asynccontextmanager
async def _talk(*, equipped: bool) -> AsyncIterator[tuple[Meeting, Phone]]:
    """A meeting in which Dan said yes."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = await stack.enter_async_context(telling_apart(folder))
        room = await stack.enter_async_context(meeting(running))
        dan = await room.enter("Dan")
        await room.says(dan, "dan")
        await agrees(dan)
        with room.store() as store:
            sound = Audio(SAID, SAMPLE_RATE)
            store.samples.clone_from(client_id(dan), sound, WORDS, "en", quality=1)
        if equipped:
            url = f"ws://127.0.0.1:{running.port}/ws/tts-accelerator"
            await stack.enter_async_context(laptop(url, ScriptedCloner(SENTENCE_S), token=""))
            await room.listener.receive("accelerator", connected=1)
        yield room, dan


# ── how many ─────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Outcome:
    cloned: int = 0
    dropped: int = 0
    seconds: float = 0.0
    late: int = 0
    """That were waited for, by anybody, for longer than their deadline."""


async def _throughput() -> None:
    report.heading(f"{AT_ONCE} sentences at once, laptops taking {SENTENCE_S} s a sentence")
    patient = [await _burst(laptops, within_s=120) for laptops in (1, 2)]
    hurried = [await _burst(laptops, within_s=5) for laptops in (1, 2)]
    for laptops, outcome in zip((1, 2), patient, strict=True):
        rate = outcome.cloned / outcome.seconds
        report.figure(f"{laptops} laptop(s), no hurry", f"{rate:.2f} a second")
    one, two = (outcome.cloned / outcome.seconds for outcome in patient)
    report.figure("ratio", f"{two / one:.2f} ×", f"≥ {_AIM_RATIO} ×", two / one >= _AIM_RATIO)
    for laptops, outcome in zip((1, 2), hurried, strict=True):
        report.figure(f"{laptops} laptop(s), cloned within 5 s", f"{outcome.cloned} of {AT_ONCE}")
    one, two = (outcome.cloned for outcome in hurried)
    report.figure("ratio", f"{two / one:.2f} ×", f"≥ {_AIM_RATIO} ×", two / one >= _AIM_RATIO)


async def _burst(laptops: int, within_s: float) -> _Outcome:
    async with employing() as employer, AsyncExitStack() as stack:
        employer.voices.say_yes("pierre")
        for _ in range(laptops):
            cloner = ScriptedCloner(SENTENCE_S)
            await stack.enter_async_context(laptop(employer.url, cloner))
        await employer.ready(laptops)
        # The pace of each is known, and each has the voice.
        await _said(employer, 4 * laptops, within_s=30)
        return await _said(employer, AT_ONCE, within_s)


async def _said(employer: Employer, sentences: int, within_s: float) -> _Outcome:
    offered = [
        employer.accelerators.take(employer.job(within_s=within_s)) for _ in range(sentences)
    ]
    coming = [future for future in offered if future]
    began = time.monotonic()
    _, waiting = await asyncio.wait(coming, timeout=within_s + 0.5)
    cloned = [it for it in coming if it not in waiting and not it.exception()]
    return _Outcome(
        len(cloned), sentences - len(cloned), time.monotonic() - began, late=len(waiting)
    )


# ── when laptops go ──────────────────────────────────────────────────────────────────────────


async def _deaths() -> None:
    outcome, seconds = await _killed()
    report.heading("One of two laptops killed with 10 sentences in flight, deadline 5 s")
    report.figure("cloned by the other, or before", str(outcome.cloned))
    report.figure("dropped within their deadline", str(outcome.dropped - outcome.late))
    report.figure("waited for longer", str(outcome.late), "0", outcome.late == 0)
    report.figure("the last was decided after", f"{seconds:.2f} s", "≤ 5 s", seconds <= 5.2)


async def _killed() -> tuple[_Outcome, float]:
    async with employing() as employer, AsyncExitStack() as dying, AsyncExitStack() as living:
        employer.voices.say_yes("pierre")
        cloners = ScriptedCloner(SENTENCE_S), ScriptedCloner(SENTENCE_S)
        for stack, cloner in zip((dying, living), cloners, strict=True):
            await stack.enter_async_context(laptop(employer.url, cloner))
        await employer.ready(2)
        await _said(employer, 2, within_s=30)
        for cloner in cloners:
            cloner.begun.clear()
        saying = asyncio.create_task(_said(employer, 10, within_s=5))
        await asyncio.wait_for(asyncio.gather(*(cloner.begun.wait() for cloner in cloners)), 5)
        await dying.aclose()
        outcome = await saying
        return outcome, outcome.seconds


async def _cycles() -> None:
    process = psutil.Process()
    async with employing() as employer:
        await _come_and_go(employer, 50)
        before = len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss
        await _come_and_go(employer, CYCLES)
        after = len(asyncio.all_tasks()), process.num_fds(), process.memory_info().rss
    report.heading(f"{CYCLES} laptops come, are ready, and drop")
    for name, was, is_ in zip(("tasks", "open files"), before, after, strict=False):
        report.figure(name, f"{was} → {is_}", "the same", is_ <= was + 2)
    grown = (after[2] - before[2]) / CYCLES / 1024
    report.figure("memory", f"{grown:+.1f} KiB each", "≤ 4 KiB", grown <= 4)


async def _come_and_go(employer: Employer, times: int) -> None:
    before = len(asyncio.all_tasks())

    async def once() -> None:
        async with raw_laptop(employer.url) as raw:
            raw.socket.transport.abort()

    for _ in range(times // 10):
        await asyncio.gather(*(once() for _ in range(10)))
    await employer.until(lambda: not employer.accelerators.all, deadline_s=60)
    # What is cancelled ends.
    await employer.until(lambda: len(asyncio.all_tasks()) <= before + 2)
