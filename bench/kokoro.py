"""Kokoro at full size, with random weights, against kokoro-onnx as it comes: one session with
onnxruntime's own choice of threads, from which each request waits for its whole audio.

Both sides in one run, warm, by turns.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import kokoro_onnx

from babblefish.stage.cores import available_cores
from babblefish.synthesizer.kokoro import Kokoro
from bench import report

ROUNDS = 5
AT_ONCE = (1, 2, 4)
AIM_FIRST = 0.4
AIM_THROUGHPUT = 1.1
FOLDER = Path.home() / ".cache" / "babblefish" / "bench" / "kokoro"

MEETING = (
    "When the meeting starts, we will talk about the new project. "
    "Then everybody has ten minutes to ask questions. I hope that you have some of them."
)
SENTENCES = (
    "Where is the train station?",
    "The meeting starts at nine in the morning.",
    "I would like a coffee, please.",
    "We need more time for that.",
)


async def run() -> None:
    cores = available_cores()
    report.heading(f"Kokoro at full size, random weights, {cores} cores")
    await asyncio.to_thread(_build)
    ours = Kokoro(FOLDER, cores)
    await ours.start()
    theirs = kokoro_onnx.Kokoro(str(FOLDER / "kokoro-v1.0.onnx"), str(FOLDER / "voices-v1.0.bin"))
    await asyncio.to_thread(_whole, theirs, "Warm.")
    await _first_sound(ours, theirs)
    for requests in AT_ONCE:
        await _at_once(ours, theirs, requests)
    await ours.stop()


def _build() -> None:
    """In a process of its own, which gives back torch's memory; once."""
    if not (FOLDER / "voices-v1.0.bin").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "bench.full_kokoro", str(FOLDER)], check=True)


def _whole(theirs: kokoro_onnx.Kokoro, text: str) -> None:
    theirs.create(text, "af_heart", lang="en-us")


async def _first_sound(ours: Kokoro, theirs: kokoro_onnx.Kokoro) -> None:
    firsts, wholes, naive = [], [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        heard = [time.perf_counter() - started async for _ in ours.speak(MEETING, "en")]
        firsts.append(heard[0])
        wholes.append(heard[-1])
        naive.append(await _timed(lambda: asyncio.to_thread(_whole, theirs, MEETING)))
    share = median(firsts) / median(wholes)
    report.figure("three sentences, kokoro-onnx: first sound", report.spread(naive, "s", 2))
    report.figure("three sentences: whole", report.spread(wholes, "s", 2))
    report.figure("three sentences: first sound", report.spread(firsts, "s", 2))
    report.figure("first sound / whole", f"{share:.2f}", f"≤ {AIM_FIRST}", share <= AIM_FIRST)


async def _at_once(ours: Kokoro, theirs: kokoro_onnx.Kokoro, requests: int) -> None:
    async def speak(text: str) -> None:
        async for _ in ours.speak(text, "en"):
            pass

    texts = SENTENCES[:requests]
    naive, own = [], []
    for _ in range(ROUNDS):
        naive.append(
            await _timed(
                lambda: asyncio.gather(*(asyncio.to_thread(_whole, theirs, t) for t in texts))
            )
        )
        own.append(await _timed(lambda: asyncio.gather(*map(speak, texts))))
    gain = median(naive) / median(own)
    aim = AIM_THROUGHPUT if requests == max(AT_ONCE) else 1.0
    report.figure(f"{requests} at once, kokoro-onnx", report.spread(naive, "s", 2))
    report.figure(f"{requests} at once", report.spread(own, "s", 2))
    report.figure(f"{requests} at once: throughput", f"{gain:.2f}×", f"≥ {aim}×", gain >= aim)


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started
