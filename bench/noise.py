"""A minute of everything that is not speech: how many sentences come of it."""

import asyncio
from contextlib import AsyncExitStack

import numpy as np
from tests.support import noise
from tests.support.phone import Phone, joined
from tests.support.server import serving

from babblefish import settings
from babblefish.audio import FRAME_SAMPLES, SAMPLE_RATE, Samples, to_pcm16
from babblefish.translator.pocketsphinx import Pocketsphinx
from bench import report

SECONDS = 60
_PACKET_S = 0.5
_SPEED = 1.9  # of real time: the server refuses more


async def run() -> None:
    report.heading(f"Sentences from {SECONDS} s of noise")
    rng = np.random.default_rng(60)
    heard = {kind: make(SECONDS, rng) for kind, make in noise.KINDS.items()}
    with serving() as server:
        ours = await asyncio.gather(
            *(sentences(server.ws, f"noise-{n}", heard[kind]) for n, kind in enumerate(heard))
        )
    recognizer = Pocketsphinx(settings.load().threads or 2, min_confidence=0)
    for kind, count in zip(heard, ours, strict=True):
        report.figure(f"{kind}: BabbleFish", str(count), "0", count == 0)
        report.figure(
            f"{kind}: energy gate, no confidence", str(await _energy_gated(recognizer, heard[kind]))
        )
    await recognizer.stop()


async def sentences(url: str, session: str, samples: Samples) -> int:
    """How many results a listener gets of it."""
    async with AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(joined(url, session, "Dan", "en"))
        listener = await stack.enter_async_context(joined(url, session, "Ana", "es"))
        await _stream(speaker, samples)
        await speaker.send(type="end_of_speech")
        await speaker.send(type="text", text="house")  # comes after whatever was said before
        await listener.receive("result", deadline_s=60, transcript="house")
        return len(listener.all("result")) - 1


async def _stream(phone: Phone, samples: Samples) -> None:
    pcm, size = to_pcm16(samples), round(2 * SAMPLE_RATE * _PACKET_S)
    for at in range(0, len(pcm), size):
        await phone.socket.send(pcm[at : at + size])
        await asyncio.sleep(_PACKET_S / _SPEED)


async def _energy_gated(recognizer: Pocketsphinx, samples: Samples) -> int:
    """The other side: whatever is louder than -40 dB for 0.2 s, until 0.5 s of quiet."""
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    loud = np.sqrt((frames**2).mean(axis=1)) > 0.01
    count, utterance, quiet = 0, list[Samples](), 0
    for frame, is_loud in zip(frames, [*loud[1:], False], strict=True):
        quiet = 0 if is_loud else quiet + 1
        if is_loud or utterance:
            utterance.append(frame)
        if utterance and (quiet > 15 or len(utterance) > 600):
            stream = recognizer.open("en", "noise")
            await stream.feed(np.concatenate(utterance))
            count += bool((await stream.finish()).text)
            await stream.close()
            utterance = []
    return count
