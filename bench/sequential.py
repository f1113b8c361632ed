"""The other side: the same engines as most demos chain them.

Audio is gathered until the endpoint; then it is recognised, translated for one listener after
the other, and spoken for one after the other. In one process, with nothing sent anywhere.
"""

import asyncio
import time

import numpy as np

from babblefish import audio, settings
from babblefish.audio import FRAME_SAMPLES, SAMPLE_RATE, PcmFramer, Samples, to_pcm16
from babblefish.gateway.endpointing import (
    Began,
    Continued,
    Ended,
    Endpointer,
    Limits,
    Resumed,
)
from babblefish.gateway.vad import VoiceDetector
from babblefish.silero import VoiceState
from babblefish.synthesizer import espeak
from babblefish.translator import light


class SequentialPipeline:
    """One speaker, several listeners, one thing at a time."""

    def __init__(self, detector: VoiceDetector, targets: list[str]) -> None:
        chosen = settings.load()
        self._translator = light.build(chosen)
        self._synthesizer = espeak.build(chosen)
        self._detector = detector
        self._targets = targets
        self._limits = Limits(
            chosen.voice_threshold,
            chosen.pause_ms,
            chosen.endpoint_ms,
            chosen.min_voice_ms,
            1000 * chosen.max_utterance_s,
        )

    async def start(self) -> None:
        await self._translator.start()
        await self._interpret([np.zeros(SAMPLE_RATE, np.float32)])
        await self._translator.translate_text("warm", "en", self._targets)

    async def stop(self) -> None:
        await self._translator.stop()
        await self._synthesizer.stop()

    async def stream(self, samples: Samples) -> float:
        """Speaks in real time; returns when the last listener's speech was ready."""
        endpointer, voice, heard = Endpointer(self._limits), VoiceState(), list[Samples]()
        began = time.monotonic()
        for number, frame in enumerate(PcmFramer().feed(to_pcm16(samples)), start=1):
            due = began + number * FRAME_SAMPLES / SAMPLE_RATE
            await asyncio.sleep(max(0, due - time.monotonic()))
            (score,) = await self._detector.score(voice, [frame])
            for boundary in endpointer.step(frame, score):
                if isinstance(boundary, Began | Continued | Resumed):
                    heard.append(boundary.samples)
                elif isinstance(boundary, Ended):
                    await self._interpret(heard)
                    return time.monotonic()
        raise RuntimeError("nobody spoke")

    async def _interpret(self, heard: list[Samples]) -> None:
        stream = self._translator.open("en", "sequential")
        await stream.feed(np.concatenate(heard))
        said = await stream.finish([])
        await stream.close()
        for target in self._targets if said.transcript else []:
            texts = await self._translator.translate_text(said.transcript, "en", [target])
            speech = self._synthesizer.speak(texts[target], target)
            audio.to_wav(audio.join([piece async for piece in speech]))
