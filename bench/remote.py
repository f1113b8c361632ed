"""What a stage behind HTTP adds to the same call in process: both in one run, by turns."""

import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import TypeVar

from tests.support import speech
from tests.support.stages import staged

from babblefish.audio import FRAME_SAMPLES
from babblefish.settings import load
from babblefish.stage.service import Engine
from babblefish.synthesizer import espeak
from babblefish.synthesizer.base import Synthesizer
from babblefish.synthesizer.remote import RemoteSynthesizer
from babblefish.translator import light
from babblefish.translator.base import Translator
from babblefish.translator.remote import RemoteTranslator
from bench import report

ROUNDS = 15
AIM_MS = 5
SAID = speech.utterance(speech.go_forward())

E = TypeVar("E", bound=Engine)


async def run() -> None:
    report.heading("a stage over HTTP, against the same engine in process")
    settings = load(["--threads", "1"])
    with staged("translator", threads=1) as far:
        near_translator: Translator = light.build(settings)
        far_translator: Translator = RemoteTranslator(far.url)
        await _compare("translate a text", near_translator, far_translator, _text)
        await _compare("finish an utterance of speech", near_translator, far_translator, _speech)
        await near_translator.stop()
        await far_translator.stop()
    with staged("synthesizer") as far:
        near_voice: Synthesizer = espeak.build(settings)
        far_voice: Synthesizer = RemoteSynthesizer(far.url)
        await _compare("speak, to the first sound", near_voice, far_voice, _voice)
        await near_voice.stop()
        await far_voice.stop()


async def _compare(name: str, near: E, far: E, work: Callable[[E], Awaitable[float]]) -> None:
    for engine in (near, far):
        await engine.start()
        await work(engine)
    took = [(await work(near), await work(far)) for _ in range(ROUNDS)]
    near_ms, far_ms = (list(side) for side in zip(*took, strict=True))
    added = median(far_ms) - median(near_ms)
    report.figure(f"{name}: in process", report.spread(near_ms, "ms", 1))
    report.figure(f"{name}: over HTTP", report.spread(far_ms, "ms", 1))
    report.figure(f"{name}: added", f"{added:.1f} ms", f"≤ {AIM_MS} ms", bool(added <= AIM_MS))


async def _text(engine: Translator) -> float:
    started = time.perf_counter()
    await engine.translate_text("I would like a coffee", "en", ["es", "fr"])
    return 1000 * (time.perf_counter() - started)


async def _speech(engine: Translator) -> float:
    """As it is waited for: from the end of the speech, all of which was sent before."""
    stream = engine.open("en", "dan")
    for at in range(0, len(SAID), FRAME_SAMPLES):
        await stream.feed(SAID[at : at + FRAME_SAMPLES])
    await stream.partial()
    started = time.perf_counter()
    await stream.finish(["es", "fr"])
    took = 1000 * (time.perf_counter() - started)
    await stream.close()
    return took


async def _voice(engine: Synthesizer) -> float:
    started = time.perf_counter()
    await anext(aiter(engine.speak("Go forward ten meters.", "en")))
    return 1000 * (time.perf_counter() - started)
