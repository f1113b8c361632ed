"""Many phones in many rooms: a few speak, the others hear room noise; lines drop.

`python -m bench.phones --phones 50 --speakers 2 --seconds 60 --drops 0
    --vanishings 0 [--url ws://…]`
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import httpx
import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from tests.support import speech
from tests.support.resuming import ResumingPhone
from tests.support.server import serving

from babblefish.audio import SAMPLE_RATE, Samples, to_pcm16
from babblefish.telemetry import configure_logging
from bench import report

LISTENERS = ("es", "fr", "ca")
SENTENCES = {
    "Go forward ten meters": speech.go_forward,
    "Go somewhere and do something": speech.go_somewhere,
    "Thirty three four or six ninety two": speech.numbers,
}
_GAP_S = 1.2
_FRAME = round(2 * SAMPLE_RATE * 0.02)


@dataclass
class Load:
    """What is asked of the gateway; beside the phones, a room has a listener a language."""

    phones: int = 50
    speakers: int = 2
    seconds: float = 60
    drops: int = 0
    vanishings: int = 0
    """Lines that stay open at the gateway's end, with nobody at the other."""


@dataclass
class Outcome:
    """What came of it, over all speakers and their listeners."""

    expected: int = 0
    heard: int = 0
    twice: int = 0
    disordered: int = 0
    stray: int = 0
    latencies_ms: list[int] = field(default_factory=list)


async def run_load(url: str, load: Load) -> Outcome:
    """Each speaker has a room; the other phones in it send room noise."""
    async with AsyncExitStack() as stack:
        rooms = [await _room(stack, url, number, load) for number in range(load.speakers)]
        rng = np.random.default_rng(4)
        async with asyncio.TaskGroup() as tasks:
            said = [tasks.create_task(_talk(speaker, load)) for speaker, *_ in rooms]
            for _, *others in rooms:
                for phone in others:
                    tasks.create_task(_hum(phone, load.seconds, rng))
            if load.drops or load.vanishings:
                phones = [phone for room in rooms for phone in (room[0], room[-1], room[1])]
                tasks.create_task(_drop_lines(phones, load, rng))
        await asyncio.sleep(6)  # the last sentences arrive
        outcome = Outcome()
        for (_, *others), sentences in zip(rooms, said, strict=True):
            for phone in others:
                _compare(sentences.result(), phone.results, outcome)
        return outcome


async def _room(stack: AsyncExitStack, url: str, number: int, load: Load) -> list[ResumingPhone]:
    """The speaker first, the listeners of other languages last."""
    languages = ["en"] * (load.phones // load.speakers) + list(LISTENERS)
    return [
        await stack.enter_async_context(
            ResumingPhone.joined(url, f"room-{number}", f"Phone {seat}", language)
        )
        for seat, language in enumerate(languages)
    ]


async def _talk(phone: ResumingPhone, load: Load) -> list[str]:
    """Sentences with pauses between them, in real time; what was said."""
    said: list[str] = []
    until = time.monotonic() + load.seconds
    while time.monotonic() < until:
        text = list(SENTENCES)[len(said) % len(SENTENCES)]
        await _stream(phone, np.concatenate([SENTENCES[text](), speech.silence(_GAP_S)]))
        said.append(text)
    return said


async def _hum(phone: ResumingPhone, seconds: float, rng: np.random.Generator) -> None:
    """Room noise, if the phone's language can be spoken here."""
    if phone.language == "en":
        noise = rng.standard_normal(round(seconds * SAMPLE_RATE)) * 0.003
        await _stream(phone, noise.astype(np.float32))


async def _stream(phone: ResumingPhone, samples: Samples) -> None:
    pcm, began = to_pcm16(samples), time.monotonic()
    for number, at in enumerate(range(0, len(pcm), _FRAME)):
        await asyncio.sleep(max(0, began + number * 0.02 - time.monotonic()))
        await phone.send_audio(pcm[at : at + _FRAME])


async def _drop_lines(
    phones: Sequence[ResumingPhone], load: Load, rng: np.random.Generator
) -> None:
    """Cuts lines, evenly over the time, without a word to either side, or leaves them open."""
    faults = load.drops + load.vanishings
    for number in range(faults):
        await asyncio.sleep(load.seconds / (faults + 1))
        phone = phones[number % len(phones)]
        lose = phone.drop if number < load.drops else phone.vanish
        lose(away_s=float(rng.uniform(0.2, 2.0)))


def _compare(said: list[str], results: list[dict[str, object]], outcome: Outcome) -> None:
    heard = [str(result["transcript"]) for result in results]
    ids = [result["utterance_id"] for result in results]
    outcome.expected += len(said)
    outcome.heard += sum(min(heard.count(text), said.count(text)) for text in SENTENCES)
    outcome.twice += len(ids) - len(set(ids))
    outcome.stray += sum(text not in SENTENCES for text in heard)
    outcome.disordered += _disordered(said, heard)
    outcome.latencies_ms += [int(str(result["latency_ms"])) for result in results]


def _disordered(said: list[str], heard: list[str]) -> int:
    """Sentences that came before one that was said earlier."""
    waiting, count = iter(said), 0
    for text in (text for text in heard if text in SENTENCES):
        if text not in waiting:
            count += 1
            waiting = iter(said)
    return count


def print_outcome(load: Load, outcome: Outcome, lag_p99_s: float | None) -> None:
    report.heading(
        f"{load.phones} phones, {load.speakers} speaking, {load.seconds:.0f} s, "
        f"{load.drops} drops, {load.vanishings} lines left open"
    )
    lost = outcome.expected - outcome.heard
    report.figure("sentences expected by listeners", str(outcome.expected))
    # A gateway cannot tell a line left open from somebody who fell silent: such a sentence may
    # be cut in two.
    whole = None if load.vanishings else lost == 0
    report.figure("lost, or cut in two", str(lost), "0" if whole is not None else "", whole)
    report.figure("heard twice", str(outcome.twice), "0", outcome.twice == 0)
    report.figure("out of order", str(outcome.disordered), "0", outcome.disordered == 0)
    report.figure("not what was said", str(outcome.stray))
    if outcome.latencies_ms:
        middle, high, highest = np.percentile(outcome.latencies_ms, [50, 95, 99])
        report.figure(
            "speech end → result, p50 / p95 / p99", f"{middle:.0f}/{high:.0f}/{highest:.0f} ms"
        )
    if lag_p99_s is not None:
        met = lag_p99_s <= 0.1
        report.figure(
            "frame → voice decision, p99", f"≤ {1000 * lag_p99_s:.0f} ms", "≤ 100 ms", met
        )


async def voice_lag_p99(http: str) -> float:
    """The bound of the histogram's bucket under which 99 % of the decisions came, in s."""
    async with httpx.AsyncClient() as client:
        exposition = (await client.get(f"{http}/metrics")).text
    buckets = [
        (float(sample.labels["le"]), sample.value)
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == "babblefish_gateway_voice_lag_seconds_bucket"
    ]
    return next(bound for bound, count in buckets if count >= 0.99 * buckets[-1][1])


async def run() -> None:
    """What `make bench` prints."""
    few = Load(phones=6, speakers=2, seconds=120)
    for load in (Load(), replace(few, drops=20), replace(few, seconds=60, vanishings=10)):
        await _run_here(load)


async def _run_here(load: Load) -> None:
    with serving() as server:
        outcome = await run_load(server.ws, load)
        print_outcome(load, outcome, await voice_lag_p99(server.http))


async def _run_against(url: str, load: Load) -> None:
    print_outcome(load, await run_load(url, load), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    for name, kind in (
        ("phones", int),
        ("speakers", int),
        ("seconds", float),
        ("drops", int),
        ("vanishings", int),
    ):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Load(), name))
    chosen = vars(parser.parse_args())
    url = chosen.pop("url")
    configure_logging("error")
    load = Load(**chosen)
    asyncio.run(_run_against(url, load) if url else _run_here(load))


if __name__ == "__main__":
    main()
