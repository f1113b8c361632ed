"""The micro Kokoro that is kept is what its code makes."""

from pathlib import Path

import numpy as np
import onnxruntime

from babblefish import models
from tests.micro import CHECKPOINTS, kokoro, sums

KEPT = CHECKPOINTS / "kokoro"


def test_making_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    kokoro.build(tmp_path)
    sums.sign(tmp_path)
    for file in sorted(KEPT.iterdir()):
        assert file.read_bytes() == (tmp_path / file.name).read_bytes(), file.name


def test_its_checksums_are_right() -> None:
    assert sums.spoiled(KEPT) == set()
    assert models.verify(KEPT) == {"kokoro-v1.0.onnx": True, "voices-v1.0.bin": True}


def test_it_is_shaped_like_the_real_one() -> None:
    session = onnxruntime.InferenceSession(str(KEPT / "kokoro-v1.0.onnx"))
    inputs = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    assert inputs == {
        "tokens": ("tensor(int64)", [1, "tokens"]),
        "style": ("tensor(float)", [1, 256]),
        "speed": ("tensor(float)", [1]),
    }
    with np.load(KEPT / "voices-v1.0.bin") as voices:
        assert len(voices.files) == 54
        assert {voices[name].shape for name in voices.files} == {(510, 1, 256)}
        assert len({float(voices[name][0, 0, 0]) for name in voices.files}) == 54


def test_every_token_sounds_as_itself() -> None:
    session = onnxruntime.InferenceSession(str(KEPT / "kokoro-v1.0.onnx"))
    style, speed = np.zeros((1, 256), np.float32), np.ones(1, np.float32)
    said = {"tokens": np.array([[0, 7, 7, 9, 0]]), "style": style, "speed": speed}
    silence, one, again, other, _ = np.split(session.run(None, said)[0], 5)
    assert not silence.any()
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
