"""The micro pyannote/embedding that is kept tells voices apart, and is what its code makes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from demo.cast import CLAIRE, DAN, MAREK, PIERRE

from babblefish import models
from babblefish.audio import Samples
from babblefish.speaker import wire
from babblefish.speaker.base import Voiceprint
from babblefish.speaker.calibration import Calibration, calibration, lines
from tests.micro import CHECKPOINTS, people, sums
from tests.micro.voices import Voice

if TYPE_CHECKING:
    from babblefish.speaker.pyannote_model import PyannoteModel

KEPT = CHECKPOINTS / "pyannote-embedding"

CAST = (PIERRE, DAN, MAREK, CLAIRE)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def model() -> "Iterator[PyannoteModel]":
    """On one thread: beside other tests, two wait for each other."""
    import torch

    from babblefish.speaker.pyannote_model import PyannoteModel

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield PyannoteModel(str(KEPT), "cpu")
    torch.set_num_threads(before)


def kept_threshold() -> float:
    return float(json.loads((KEPT / "calibration.json").read_text())["threshold"])


def embedded(model: "PyannoteModel", speech: Samples) -> Voiceprint:
    return wire.unpack(model.embed(wire.pack(speech)))


def rates(model: "PyannoteModel", voices: Mapping[str, Voice], each: int) -> Calibration:
    rng = np.random.default_rng(20261121)
    return calibration(
        {
            name: [embedded(model, people.says(voice, rng)) for _ in range(each)]
            for name, voice in voices.items()
        }
    )


def test_it_is_small_and_signed() -> None:
    assert sum(file.stat().st_size for file in KEPT.iterdir()) < 1.5e6
    assert sums.spoiled(KEPT) == set()
    assert models.verify(KEPT) == {"calibration.json": True, "pytorch_model.bin": True}


def test_it_is_of_the_real_ones_class_and_size(model: "PyannoteModel") -> None:
    from pyannote.audio.models.embedding import XVectorSincNet

    real = XVectorSincNet(sincnet={"stride": 10})
    assert isinstance(model._model, XVectorSincNet)
    assert model._model.dimension == real.dimension == 512
    kept = {name: weights.shape for name, weights in model._model.named_parameters()}
    assert kept == {name: weights.shape for name, weights in real.named_parameters()}


def test_strangers_are_told_apart(model: "PyannoteModel") -> None:
    voices = {f"{voice.dialect}+{voice.variant}": voice for voice in people.strangers()}
    result = rates(model, voices, each=4)
    print("strangers:", *lines(result), sep="\n  ")
    assert (result.equal.accepted + result.equal.missed) / 2 < 0.15


def test_its_threshold_tells_the_cast_apart(model: "PyannoteModel") -> None:
    result = rates(model, {person.name: person.voice for person in CAST}, each=10)
    print("the cast:", *lines(result), sep="\n  ")
    assert (result.equal.accepted + result.equal.missed) / 2 < 0.03
    assert abs(result.equal.threshold - kept_threshold()) < 0.15


def test_making_it_again_needs_nothing_but_its_code(tmp_path: Path) -> None:
    from babblefish.speaker.pyannote_model import PyannoteModel
    from tests.micro import pyannote

    pyannote.build(tmp_path, each=1, steps=3)
    sums.sign(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in KEPT.iterdir()}
    assert PyannoteModel(str(tmp_path), "cpu").problem() == ""


def test_what_was_learnt_narrow_is_the_same_wide() -> None:
    import torch
    from pyannote.audio.models.embedding import XVectorSincNet

    from tests.micro.xvector import Narrow

    wide = XVectorSincNet()
    narrow = Narrow(wide.sincnet).eval()
    narrow.fill(wide)
    speech = 0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        one = narrow(narrow.features(speech.numpy())[None])
        other = wide.eval()(speech[None, None])
    torch.testing.assert_close(one, other)
