"""What the phone's page costs its main thread while somebody talks and is talked to."""

import asyncio
import contextlib
import io
import tempfile
import wave
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
from playwright.async_api import Browser, CDPSession, Page, expect
from tests.support import speech
from tests.support.phone import Phone, joined
from tests.support.server import Server, serving
from tests.test_page import join, open_page
from tests.test_page_capture import chromium_hearing

from babblefish.audio import SAMPLE_RATE
from bench import report

WINDOWS = 12
WINDOW_S = 2.0
AIM_PERCENT = 10
SENTENCE = "Buenas noches a todos, mañana por la mañana vamos a la casa de mi hermano."

# The other side, as many demos do it: the worklet's very code, run by a ScriptProcessorNode.
ON_MAIN_THREAD = """() => {
  window.AudioWorkletProcessor = class { port = { postMessage: onCaptured }; };
  window.registerProcessor = (name, kind) => { window.Capture = kind; };
  window.openCapture = async (capture) => {
    capture.context = new AudioContext();
    const audio =
      { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    capture.stream = await navigator.mediaDevices.getUserMedia({ audio });
    window.sampleRate = capture.context.sampleRate;
    registerCapture();
    const onMain = new Capture();
    const node = capture.context.createScriptProcessor(1024, 1, 1);
    node.onaudioprocess = ({ inputBuffer }) => onMain.process([[inputBuffer.getChannelData(0)]]);
    capture.context.createMediaStreamSource(capture.stream)
      .connect(node).connect(capture.context.destination);
  };
}"""

DONE = """() => [
  window.babblefish.played,
  spool.items.slice(0, spool.sent).reduce((sum, item) => sum + audioBytes(item), spool.start),
]"""


@dataclass(frozen=True)
class Load:
    """Of one page, window by window."""

    percent: list[float]
    """Of a core, by the main thread."""
    sent_s: float
    """Audio that left it in all windows."""
    voices: int
    """That it played to their ends meanwhile."""


async def run() -> None:
    report.heading(f"The page's main thread, {WINDOWS} × {WINDOW_S:.0f} s, of a core")
    with serving() as server, tempfile.TemporaryDirectory() as folder:
        async with talkative(Path(folder) / "microphone.wav") as chromium:
            ours = await talking(chromium, server, "bench-ours")
            theirs = await talking(chromium, server, "bench-theirs", ON_MAIN_THREAD)
            idle = await resting(chromium, server)
    met = median(ours.percent) <= AIM_PERCENT
    value = report.spread(ours.percent, "%", 1)
    report.figure("BabbleFish, streams and plays", value, f"≤ {AIM_PERCENT} %", met)
    value = report.spread(theirs.percent, "%", 1)
    report.figure("capture on the main thread (ScriptProcessorNode)", value)
    report.figure("BabbleFish, joined and silent", report.spread(idle.percent, "%", 1))


def talkative(microphone: Path) -> contextlib.AbstractAsyncContextManager[Browser]:
    """A browser whose microphone hears people talk all the time."""
    clips = (speech.go_forward(), speech.go_somewhere(), speech.numbers(), speech.front_center())
    heard = np.concatenate([part for clip in clips for part in (clip, speech.silence(0.5))])
    return chromium_hearing(microphone, heard)


async def talking(chromium: Browser, server: Server, session: str, changed: str = "") -> Load:
    """A page that streams all the time and, as with headphones, plays all the time."""
    async with _page(chromium, server, session) as page, _voices(server, session):
        if changed:
            await page.evaluate(changed)
        await page.check("#headphones", force=True)
        await page.click("#mic")
        await expect(page.locator("#mic-note")).to_contain_text("Listening")
        await page.wait_for_function("() => window.babblefish.played > 0", timeout=60_000)
        return await _measured(page)


async def resting(chromium: Browser, server: Server) -> Load:
    """A page that has joined, and nothing more."""
    async with _page(chromium, server, "bench-idle") as page:
        return await _measured(page)


@contextlib.asynccontextmanager
async def _page(chromium: Browser, server: Server, session: str) -> AsyncIterator[Page]:
    page = await open_page(chromium, server.http, [])
    await join(page, session, "Dan", "en")
    yield page
    await page.close()


@contextlib.asynccontextmanager
async def _voices(server: Server, session: str) -> AsyncIterator[None]:
    """Somebody who types without pause; a third phone tells how long each takes to be spoken."""
    async with (
        joined(server.ws, session, "Ana", "es") as ana,
        joined(server.ws, session, "Eve", "en") as eve,
    ):
        typing = asyncio.create_task(_type(ana, eve))
        yield
        typing.cancel()


async def _type(ana: Phone, eve: Phone) -> None:
    """One sentence always waits while another is played."""
    await ana.send(type="text", text=SENTENCE)
    while True:
        await ana.send(type="text", text=SENTENCE)
        spoken = await eve.receive("result", 60)
        with wave.open(io.BytesIO(b64decode(spoken["tts_audio"]))) as voice:
            await asyncio.sleep(voice.getnframes() / voice.getframerate())


async def _measured(page: Page) -> Load:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    played, sent = await _done(page)
    seconds = [await _seconds(devtools)]
    for _ in range(WINDOWS):
        await asyncio.sleep(WINDOW_S)
        seconds.append(await _seconds(devtools))
    percent = [100 * (b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(seconds)]
    played_now, sent_now = await _done(page)
    return Load(percent, (sent_now - sent) / 2 / SAMPLE_RATE, played_now - played)


async def _seconds(devtools: CDPSession) -> tuple[float, float]:
    """Of the main thread, as the system counts them, and of the clock."""
    answer = await devtools.send("Performance.getMetrics")
    metrics = {metric["name"]: metric["value"] for metric in answer["metrics"]}
    return metrics["ThreadTime"], metrics["Timestamp"]


async def _done(page: Page) -> tuple[int, int]:
    """Voices played and bytes of audio sent so far."""
    played, sent = await page.evaluate(DONE)
    return played, sent
