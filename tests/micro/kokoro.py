"""Micro Kokoro: the real one's inputs, outputs and voices, in a network of a few operators.

Every token sounds for 50 ms, as a tone whose pitch says which token it is and whose voice speaks.
"""

from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper, save

_SAMPLE_RATE = 24_000
_TOKEN_SAMPLES = 1200
_LOWEST_HZ = 120.0
_TOKEN_HZ = 4.0
_VOICE_HZ = 400.0
_LOUDNESS = 0.3

# The names in voices-v1.0.bin.
VOICES = [
    f"{kind}_{name}"
    for kind, names in {
        "af": [
            "alloy",
            "aoede",
            "bella",
            "heart",
            "jessica",
            "kore",
            "nicole",
            "nova",
            "river",
            "sarah",
            "sky",
        ],
        "am": ["adam", "echo", "eric", "fenrir", "liam", "michael", "onyx", "puck", "santa"],
        "bf": ["alice", "emma", "isabella", "lily"],
        "bm": ["daniel", "fable", "george", "lewis"],
        "ef": ["dora"],
        "em": ["alex", "santa"],
        "ff": ["siwis"],
        "hf": ["alpha", "beta"],
        "hm": ["omega", "psi"],
        "if": ["sara"],
        "im": ["nicola"],
        "jf": ["alpha", "gongitsune", "nezumi", "tebukuro"],
        "jm": ["kumo"],
        "pf": ["dora"],
        "pm": ["alex", "santa"],
        "zf": ["xiaobei", "xiaoni", "xiaoxiao", "xiaoyi"],
        "zm": ["yunjian", "yunxi", "yunxia", "yunyang"],
    }.items()
    for name in names
]

_CONSTANTS = {
    "token_samples": np.float32(_TOKEN_SAMPLES),
    "token_hz": np.float32(_TOKEN_HZ),
    "voice_hz": np.float32(_VOICE_HZ),
    "lowest_hz": np.float32(_LOWEST_HZ),
    "loudness": np.float32(_LOUDNESS),
    "radians": np.float32(2 * np.pi / _SAMPLE_RATE),
    "first": np.array([0], np.int64),
    "second": np.array([1], np.int64),
    "column": np.array([-1, 1], np.int64),
    "flat": np.array([-1], np.int64),
    "zero": np.int64(0),
    "one": np.int64(1),
    "silent": np.float32(0),
    "sounding": np.float32(1),
}

# Operator, inputs, output.
_NETWORK = (
    ("Div", "token_samples speed", "samples_each"),
    ("Cast", "samples_each", "whole_samples"),
    ("Squeeze", "whole_samples", "samples"),
    ("Range", "zero samples one", "times"),
    ("Cast", "times", "time"),
    ("Mul", "time radians", "phase_of_1_hz"),
    ("Cast", "tokens", "token_numbers"),
    ("Reshape", "token_numbers column", "token"),
    ("Slice", "style first second second", "timbre"),
    ("Mul", "token token_hz", "token_pitch"),
    ("Mul", "timbre voice_hz", "voice_pitch"),
    ("Sum", "token_pitch voice_pitch lowest_hz", "pitch"),
    ("Mul", "pitch phase_of_1_hz", "phase"),
    ("Sin", "phase", "tone"),
    ("Clip", "token silent sounding", "is_no_padding"),
    ("Mul", "is_no_padding loudness", "level"),
    ("Mul", "tone level", "tones"),
    ("Reshape", "tones flat", "audio"),
)


def build(folder: Path) -> None:
    """Writes the files that the engine looks for; the same bytes every time."""
    save(_model(), folder / "kokoro-v1.0.onnx")
    styles = {
        name: np.full((510, 1, 256), number / len(VOICES), np.float32)
        for number, name in enumerate(VOICES)
    }
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez_compressed(file, **styles)  # type: ignore[arg-type]  # names are keywords here


def _model() -> ModelProto:
    nodes = [_node(*each) for each in _NETWORK]
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "tokens"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])]
    constants = [numpy_helper.from_array(np.asarray(v), k) for k, v in _CONSTANTS.items()]
    graph = helper.make_graph(nodes, "micro_kokoro", inputs, outputs, constants)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="micro"
    )
    checker.check_model(model)
    return model


def _node(kind: str, inputs: str, output: str) -> NodeProto:
    node = helper.make_node(kind, inputs.split(), [output])
    if kind == "Cast":
        to = TensorProto.INT64 if output == "whole_samples" else TensorProto.FLOAT
        node.attribute.append(helper.make_attribute("to", to))
    return node
