"""From the last frame with speech to the result at the slowest of three listeners."""

import time
from contextlib import AsyncExitStack
from statistics import median

import numpy as np
from tests.support import speech
from tests.support.phone import FRAME_S, Phone, joined
from tests.support.server import serving

from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.gateway.vad import VoiceDetector
from bench import report
from bench.sequential import SequentialPipeline

RUNS = 20
TARGETS = ["es", "fr", "ca"]
AIM_S = 1.0


async def run() -> None:
    clip = np.concatenate([speech.go_somewhere(), speech.silence(1)])
    last_speech_s = _last_speech(speech.go_somewhere())
    ours: list[float] = []
    theirs: list[float] = []
    with serving() as server:
        async with AsyncExitStack() as stack:
            detector = await stack.enter_async_context(VoiceDetector())
            sequential = SequentialPipeline(detector, TARGETS)
            await sequential.start()
            stack.push_async_callback(sequential.stop)
            speaker = await stack.enter_async_context(joined(server.ws, "bench", "Dan", "en"))
            listeners = [
                await stack.enter_async_context(joined(server.ws, "bench", language, language))
                for language in TARGETS
            ]
            for number in range(RUNS + 2):
                mine = await _ours(speaker, listeners, clip, last_speech_s)
                other = await _theirs(sequential, clip, last_speech_s)
                if number >= 2:  # the first two warm up
                    ours.append(mine)
                    theirs.append(other)
    report.heading(f"Speech end → result at the slowest of {', '.join(TARGETS)} ({RUNS} runs)")
    met = median(ours) <= AIM_S
    report.figure("BabbleFish", report.spread(ours, "s", 2), f"≤ {AIM_S} s", met)
    report.figure("sequential pipeline, same engines", report.spread(theirs, "s", 2))
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    report.figure("ratio", report.spread(ratios, "×", 2))


async def _ours(
    speaker: Phone, listeners: list[Phone], clip: Samples, last_speech_s: float
) -> float:
    started = time.monotonic()
    await speaker.stream(clip)
    arrivals = []
    for listener in listeners:
        result = await listener.receive("result")
        assert result["transcript"] == "Go somewhere and do something", result["transcript"]
        arrivals.append(listener.arrivals[listener.told.index(result)])
    return max(arrivals) - started - _sent_after(last_speech_s)


async def _theirs(sequential: SequentialPipeline, clip: Samples, last_speech_s: float) -> float:
    started = time.monotonic()
    return await sequential.stream(clip) - started - last_speech_s


def _sent_after(last_speech_s: float) -> float:
    """When the frame with the last speech sample leaves, after the first one did."""
    return int(last_speech_s / FRAME_S) * FRAME_S


def _last_speech(samples: Samples) -> float:
    """Where the speech ends: the last 10 ms within 20 dB of the loudest."""
    block = SAMPLE_RATE // 100
    blocks = samples[: len(samples) // block * block].reshape(-1, block)
    power = np.sqrt((blocks**2).mean(axis=1))
    return float((np.flatnonzero(power > power.max() / 10)[-1] + 1) * 0.01)
