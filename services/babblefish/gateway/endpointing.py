"""Where utterances begin, pause and end: pure, fed with frames and voice probabilities.

The turn is speculative (as in huggingface/speech-to-speech): a short silence starts the work, a
longer one ends the utterance, and if the speaker goes on in between the work is thrown away.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np

from babblefish.audio import FRAME_MS, Samples


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody speaks; `samples` go back to shortly before the first voice."""

    samples: Samples


@dataclass(frozen=True, slots=True)
class Continued:
    """More of the utterance."""

    samples: Samples


@dataclass(frozen=True, slots=True)
class Paused:
    """A short silence: perhaps the end."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """It was not the end; `samples` begin with the silence that was held back."""

    samples: Samples


@dataclass(frozen=True, slots=True)
class Ended:
    """The utterance is over. `speech`: enough certain voice in one piece to be words."""

    speech: bool


Boundary = Began | Continued | Paused | Resumed | Ended


@dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds; `threshold` is a probability."""

    threshold: float
    pause_ms: float
    endpoint_ms: float
    min_voice_ms: float
    max_utterance_ms: float


# Voice that has begun is believed at a lower probability: consonants and breath are part of it.
_HYSTERESIS = 0.15
# Coughs and instruments are voice for a moment or by half; words are, for longer, beyond doubt.
_CERTAIN = 0.9

_ONSET_FRAMES = 2
_PREROLL_FRAMES = 10

# From this share of the longest allowed utterance on, a mere pause ends it: a clause at a time.
_CLAUSE_SHARE = 0.5


class Endpointer:
    """The boundaries of one phone's speech."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._state: Literal["silent", "speaking", "paused"] = "silent"
        self._preroll: deque[Samples] = deque(maxlen=_PREROLL_FRAMES)
        self._held: list[Samples] = []
        self._onset = 0
        self._quiet_ms = 0.0
        self._length_ms = 0.0
        self._run_ms = 0.0
        self._longest_run_ms = 0.0

    @property
    def active(self) -> bool:
        """Whether an utterance is under way."""
        return self._state != "silent"

    def step(self, frame: Samples, probability: float) -> list[Boundary]:
        """What the next frame means."""
        if self._state == "silent":
            return self._listen(frame, probability)
        self._length_ms += FRAME_MS
        voice = probability >= self._limits.threshold - _HYSTERESIS
        self._measure(probability)
        self._quiet_ms = 0.0 if voice else self._quiet_ms + FRAME_MS
        if self._state == "paused":
            return self._wait(frame, voice)
        return self._follow(frame)

    def flush(self) -> list[Boundary]:
        """The speaker ended it, or nothing arrives any more."""
        if not self.active:
            self._forget()
            return []
        return self._end()

    def _listen(self, frame: Samples, probability: float) -> list[Boundary]:
        self._preroll.append(frame)
        self._measure(probability)
        self._onset = self._onset + 1 if probability >= self._limits.threshold else 0
        if self._onset < _ONSET_FRAMES:
            return []
        samples = np.concatenate(self._preroll)
        self._state = "speaking"
        self._length_ms = len(self._preroll) * FRAME_MS
        self._preroll.clear()
        return [Began(samples)]

    def _follow(self, frame: Samples) -> list[Boundary]:
        boundaries: list[Boundary] = [Continued(frame)]
        if self._length_ms >= self._limits.max_utterance_ms:
            boundaries += self._end()
            self._onset = _ONSET_FRAMES - 1  # in mid-word: the very next voice goes on with it
            return boundaries
        if self._quiet_ms >= self._limits.pause_ms:
            self._state = "paused"
            boundaries.append(Paused())
            if self._quiet_ms >= self._patience_ms():
                boundaries += self._end()
        return boundaries

    def _wait(self, frame: Samples, voice: bool) -> list[Boundary]:
        self._held.append(frame)
        if voice:
            samples = np.concatenate(self._held)
            self._held = []
            self._state = "speaking"
            return [Resumed(samples)]
        return self._end() if self._quiet_ms >= self._patience_ms() else []

    def _patience_ms(self) -> float:
        long = self._length_ms >= _CLAUSE_SHARE * self._limits.max_utterance_ms
        return self._limits.pause_ms if long else self._limits.endpoint_ms

    def _measure(self, probability: float) -> None:
        self._run_ms = self._run_ms + FRAME_MS if probability >= _CERTAIN else 0.0
        self._longest_run_ms = max(self._longest_run_ms, self._run_ms)

    def _end(self) -> list[Boundary]:
        speech = self._longest_run_ms >= self._limits.min_voice_ms
        # What was held back may be the breath before the next utterance.
        held = self._held
        self._forget()
        self._preroll.extend(held)
        return [Ended(speech)]

    def _forget(self) -> None:
        self._state = "silent"
        self._preroll.clear()
        self._held = []
        self._onset = 0
        self._quiet_ms = self._length_ms = self._run_ms = self._longest_run_ms = 0.0
