"""What one phone's microphone sends: bytes in, utterances out."""

import asyncio
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from babblefish import metrics
from babblefish.audio import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE, PcmFramer, Samples
from babblefish.gateway.cloning import Cloning
from babblefish.gateway.endpointing import (
    Began,
    Boundary,
    Continued,
    Ended,
    Endpointer,
    Limits,
    Paused,
    Resumed,
)
from babblefish.gateway.interpreter import Interpreter, Participant
from babblefish.gateway.recognition import Recognizer
from babblefish.gateway.utterance import Typed, Utterance
from babblefish.gateway.vad import MAX_FRAMES, VoiceDetector
from babblefish.protocol import Refusal
from babblefish.silero import VoiceState

_BURST_S = 32.0
_SUSTAINED = 2.0
_MAX_WAITING = 2 * round(_BURST_S * SAMPLE_RATE / FRAME_SAMPLES)
_MAX_UNTOLD = 4

# How long a phone that dropped in mid-sentence has to come back with the rest of it.
_HELD_S = 4.0


@dataclass(frozen=True, slots=True)
class Ears:
    """What every microphone of this gateway shares."""

    detector: VoiceDetector
    interpreter: Interpreter
    limits: Limits
    idle_s: float
    cloning: Cloning | None = None


class _Mark(Enum):
    """Something in the stream that is not audio, kept in its place."""

    END_OF_SPEECH = "end of speech"
    LINE = "the line came or went"


@dataclass(frozen=True, slots=True)
class _Frame:
    samples: Samples
    arrived: float
    received: int


class Microphone:
    """One participant's audio; `listen` is its task."""

    def __init__(
        self,
        ears: Ears,
        speaker: Participant,
        recognizer: Recognizer,
        settled: Callable[[int], None],
        may_speak: Callable[[], bool],
    ) -> None:
        self.speaker = speaker
        self._recognizer = recognizer
        self._may_speak = may_speak
        self._ears = ears
        self._settled = settled
        self._line_up = True
        self._received = 0
        self._position = 0
        self._framer = PcmFramer()
        self._budget = _Budget()
        self._inbox: asyncio.Queue[_Frame | _Mark] = asyncio.Queue()
        self._voice = VoiceState()
        self._endpointer = Endpointer(ears.limits)
        self._utterance: Utterance | None = None
        self._said: list[asyncio.Task[None]] = []

    def hear(self, pcm: bytes, received: int) -> None:
        """Takes bytes off the wire, `received` with those before them.

        Raises `Refusal` if they come too fast.
        """
        self._received = received
        self._budget.spend(len(pcm) / (2 * SAMPLE_RATE))
        if self._inbox.qsize() > _MAX_WAITING:
            raise Refusal("overloaded", "The server is behind; this audio was dropped.")
        self._queue(self._framer.feed(pcm))

    def end_of_speech(self) -> None:
        """The speaker let go of the button."""
        self._queue(self._framer.flush())
        self._inbox.put_nowait(_Mark.END_OF_SPEECH)

    def line_is(self, *, up: bool) -> None:
        """Whether a phone is there; while it is not, an utterance waits longer for its rest."""
        self._line_up = up
        self._inbox.put_nowait(_Mark.LINE)

    async def type(self, text: str, text_id: str | None) -> None:
        """Says `text` in its turn among what is spoken."""
        await self._make_room()
        typed = Typed(self._ears.interpreter, self.speaker, text_id)
        self._said.append(typed.send(text, self._last))

    async def listen(self) -> None:
        """Turns audio into utterances, for ever."""
        try:
            while True:
                frames, mark = await self._next()
                if frames:
                    await self._judge(frames)
                if mark is _Mark.END_OF_SPEECH:
                    await self._apply(self._endpointer.flush())
        finally:
            self._hang_up()

    async def _next(self) -> tuple[list[_Frame], _Mark | None]:
        """What waits, up to the next mark; silence on the line is a mark too."""
        try:
            async with asyncio.timeout(self._patience_s()):
                item = await self._inbox.get()
        except TimeoutError:
            self._queue(self._framer.flush())
            self._inbox.put_nowait(_Mark.END_OF_SPEECH)
            item = self._inbox.get_nowait()
        frames: list[_Frame] = []
        while isinstance(item, _Frame):
            frames.append(item)
            if len(frames) == MAX_FRAMES or self._inbox.empty():
                return frames, None
            item = self._inbox.get_nowait()
        return frames, item

    def _patience_s(self) -> float | None:
        """How long an utterance waits for more audio."""
        if not self._endpointer.active:
            return None
        return self._ears.idle_s if self._line_up else _HELD_S

    async def _judge(self, frames: list[_Frame]) -> None:
        scores = await self._ears.detector.score(self._voice, [frame.samples for frame in frames])
        metrics.LAG.observe(time.monotonic() - frames[0].arrived)
        for frame, score in zip(frames, scores, strict=True):
            self._position = frame.received
            await self._apply(self._endpointer.step(frame.samples, score))
            if self._utterance and score >= self._ears.limits.threshold:
                self._utterance.voiced(frame.arrived, FRAME_MS / 1000)

    async def _apply(self, boundaries: list[Boundary]) -> None:
        for boundary in boundaries:
            await self._follow(boundary)

    async def _follow(self, boundary: Boundary) -> None:
        if isinstance(boundary, Began) and self._may_speak():
            await self._begin()
        utterance = self._utterance
        if utterance is None:
            return
        match boundary:
            case Began(samples) | Continued(samples) | Resumed(samples):
                await utterance.feed(samples)
            case Paused():
                utterance.pause()
            case Ended(speech):
                self._utterance = None
                said = utterance.end(self._last) if speech else utterance.drop()
                self._said.append(said)
                said.add_done_callback(functools.partial(self._settle, self._position))

    async def _begin(self) -> None:
        await self._make_room()
        stream = self._ears.interpreter.listen(self.speaker)
        recognition = self._recognizer.listen(self.speaker)
        ears = self._ears
        self._utterance = Utterance(
            ears.interpreter, self.speaker, stream, recognition, ears.cloning
        )

    @property
    def _last(self) -> asyncio.Task[None] | None:
        return self._said[-1] if self._said else None

    async def _make_room(self) -> None:
        """Waits while too much of what was said is still on its way to the listeners."""
        self._said = [task for task in self._said if not task.done()]
        while len(self._said) >= _MAX_UNTOLD:
            await asyncio.wait([self._said.pop(0)])

    def _settle(self, position: int, _: asyncio.Task[None]) -> None:
        """That utterance is done: its audio will not be wanted again."""
        self._settled(position)

    def _hang_up(self) -> None:
        """What was said before the participant went is still told."""
        utterance, self._utterance = self._utterance, None
        for boundary in self._endpointer.flush():
            if utterance and isinstance(boundary, Ended):
                _ = utterance.end(self._last) if boundary.speech else utterance.drop()

    def _queue(self, frames: list[Samples]) -> None:
        now = time.monotonic()
        for samples in frames:
            self._inbox.put_nowait(_Frame(samples, now, self._received))


class _Budget:
    """Thirty seconds may come at once; for longer, twice as fast as anybody talks is enough."""

    def __init__(self) -> None:
        self._left_s = _BURST_S
        self._filled_at = time.monotonic()

    def spend(self, seconds: float) -> None:
        now = time.monotonic()
        self._left_s = min(_BURST_S, self._left_s + _SUSTAINED * (now - self._filled_at))
        self._filled_at = now
        if seconds > self._left_s:
            raise Refusal("too_fast", "Audio may come at twice real time, or 30 s at once.")
        self._left_s -= seconds
