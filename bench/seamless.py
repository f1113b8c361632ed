"""SeamlessM4T v2 large: one pass over all languages against `generate` for each of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES
from tests.micro.voices import USUAL, speak

from babblefish.stage.cores import available_cores
from babblefish.stage.worker import Worker
from babblefish.translator.seamless import MODEL
from babblefish.translator.wire import pack
from bench import report

RUNS = 5
LANGUAGES = ["eng", "fra", "pol", "deu"]
AIM_SPEEDUP = 5.0
AIM_FOUR_LANGUAGES = 1.4
AIM_TOGETHER = 1.5
AIM_READY_GB = 4.8
AIM_PEAK_GB = 7.0

# How many languages and utterances a pass has.
_PASSES = {"one": (1, 1), "three": (3, 1), "four": (4, 1), "together": (1, 4)}


@dataclass
class _Seconds:
    """Of every run, by what was done."""

    naive: list[float] = field(default_factory=list)
    ours: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _PASSES})
    apart: list[float] = field(default_factory=list)

    def times(self, above: list[float], below: list[float]) -> list[float]:
        return [one / other for one, other in zip(above, below, strict=True)]


async def run() -> None:
    cores = available_cores()
    checkpoint, stored = await asyncio.to_thread(_checkpoints)
    title = f"SeamlessM4T v2 large, random weights: 3 s of speech, 15 tokens, {cores} threads"
    report.heading(f"{title} ({RUNS} runs)")
    async with _side("Ours", stored, "int8", "cpu") as ours:
        await _warm(ours)
        memory = _memory(ours)
        async with _side("Naive", checkpoint) as naive:
            seconds = await _measured(naive, ours, await _best_threads(naive, cores))
            agreement = await _agreement(naive, ours)
            naive_memory = _memory(naive)
    same, asked = await _micro()
    _print_speed(seconds)
    _print_memory(memory, naive_memory)
    same_texts = f"{same} of {asked}"
    report.figure("int8 against float32: texts, micro", same_texts, f"{asked}", same == asked)
    report.figure("int8 against float32: cosine of the logits", f"{agreement[0]:.4f}")
    report.figure("int8 against float32: same best token", f"{100 * agreement[1]:.0f} %")


def _checkpoints() -> tuple[Path, Path]:
    from bench import large  # torch, which other benches do without

    return large.checkpoint(LANGUAGES), large.quantised(LANGUAGES)


@contextlib.asynccontextmanager
async def _side(name: str, folder: Path, *arguments: str) -> AsyncIterator[Worker]:
    target = f"bench.sides:{name}"
    worker = await Worker.start(target, str(folder), *arguments, threads=available_cores())
    try:
        yield worker
    finally:
        await worker.stop()


async def _warm(ours: Worker) -> None:
    for languages, utterances in _PASSES.values():
        await ours.call("run", LANGUAGES[:languages], utterances)


async def _best_threads(naive: Worker, cores: int) -> int:
    """What `generate` is fastest with; warms it up, too."""
    took: dict[int, float] = {}
    for threads in range(1, cores + 1):
        await naive.call("run", LANGUAGES[:1], threads)
        took[threads] = await naive.call("run", LANGUAGES[:1], threads)
    return min(took, key=lambda threads: took[threads])


async def _measured(naive: Worker, ours: Worker, threads: int) -> _Seconds:
    """Each side after the other, so that both meet the same machine."""
    seconds = _Seconds()
    for _ in range(RUNS):
        seconds.naive.append(await naive.call("run", LANGUAGES[:3], threads))
        for name, (languages, utterances) in _PASSES.items():
            took = await ours.call("run", LANGUAGES[:languages], utterances)
            seconds.ours[name].append(took)
        apart = [await ours.call("run", LANGUAGES[:1], 1) for _ in range(4)]
        seconds.apart.append(sum(apart))
    return seconds


async def _agreement(naive: Worker, ours: Worker) -> tuple[float, float]:
    """Mean cosine of the logits, and how often both prefer the same token."""
    tokens = [int(token) for token in np.random.default_rng(1).integers(4, 256_000, 60)]
    exact, small = [await _logits(side, tokens) for side in (naive, ours)]
    norms = np.linalg.norm(exact, axis=1) * np.linalg.norm(small, axis=1)
    cosine = float(((exact * small).sum(axis=1) / norms).mean())
    return cosine, float((exact.argmax(axis=1) == small.argmax(axis=1)).mean())


async def _micro() -> tuple[int, int]:
    """How many texts of weights that know something stay the same in int8, and of how many."""
    codes = {"en": "eng", "fr": "fra", "pl": "pol"}
    said = [
        (form, code, list(codes.values()))
        for phrase in PHRASES
        for language, code in codes.items()
        for text in [getattr(phrase, language)]
        for form in (text, pack(speak(text, USUAL[language])))
    ]
    told = [await _told(precision, said) for precision in ("float32", "int8")]
    return sum(one == other for one, other in zip(*told, strict=True)), len(told[0])


async def _told(precision: str, said: list[tuple[str | bytes, str, list[str]]]) -> list[str]:
    target = "babblefish.translator.seamless_model:SeamlessModel"
    worker = await Worker.start(target, str(CHECKPOINTS / MODEL), precision, "cpu")
    try:
        told = [await worker.call("translate", [one]) for one in said]
    finally:
        await worker.stop()
    return [text for ((*hypotheses,),) in told for text, _ in hypotheses]


async def _logits(side: Worker, tokens: list[int]) -> npt.NDArray[np.float32]:
    logits = np.frombuffer(await side.call("logits", tokens), np.float16)
    return logits.reshape(len(tokens), -1).astype(np.float32)


def _memory(worker: Worker) -> tuple[float, float]:
    """GB that the process has, and had at most."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    resident, peak = (int(fields[key].split()[0]) / 1e6 for key in ("VmRSS", "VmHWM"))
    return resident, peak


def _print_speed(seconds: _Seconds) -> None:
    ours = seconds.ours
    report.figure("3 languages: generate for each, float32", report.spread(seconds.naive, "s", 2))
    report.figure("3 languages: one pass, int8", report.spread(ours["three"], "s", 2))
    faster = seconds.times(seconds.naive, ours["three"])
    _met("… faster", faster, f"≥ {AIM_SPEEDUP:.0f} ×", median(faster) >= AIM_SPEEDUP)
    extra = [four - three for four, three in zip(ours["four"], ours["three"], strict=True)]
    report.figure("… and the transcript as a fourth", report.spread(extra, "s", 2))
    cost = seconds.times(ours["four"], ours["one"])
    met = median(cost) <= AIM_FOUR_LANGUAGES
    _met("4 languages against 1 (4.0 × one by one)", cost, f"≤ {AIM_FOUR_LANGUAGES} ×", met)
    gain = seconds.times(seconds.apart, ours["together"])
    met = median(gain) >= AIM_TOGETHER
    report.figure("4 utterances, one after the other", report.spread(seconds.apart, "s", 2))
    report.figure("4 utterances at once", report.spread(ours["together"], "s", 2))
    _met("… more of them a second", gain, f"≥ {AIM_TOGETHER} ×", met)


def _met(name: str, ratios: list[float], aim: str, met: bool) -> None:
    report.figure(name, report.spread(ratios, "×", 2), aim, met)


def _print_memory(ours: tuple[float, float], naive: tuple[float, float]) -> None:
    report.figure("generate's process, float32: VmRSS", f"{naive[0]:.1f} GB")
    ready, peak = ours
    met = ready <= AIM_READY_GB
    report.figure("ours, int8, ready: VmRSS", f"{ready:.1f} GB", f"≤ {AIM_READY_GB} GB", met)
    met = peak <= AIM_PEAK_GB
    report.figure("… while loading: VmHWM", f"{peak:.1f} GB", f"≤ {AIM_PEAK_GB} GB", met)
