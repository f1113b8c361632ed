"""The micro pyannote/embedding: an x-vector on SincNet, of the real one's class and size.

The class leaves no choice of its width, so it is taught narrow: of every layer the first channels
speak and the others are zero, which a compressed file does not feel. Its filters stay as they
are initialised.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import structlog
import torch
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding import XVectorSincNet

from tests.micro import people
from tests.micro.xvector import Narrow, Teacher

SEED = 8
THRESHOLD = 0.36
"""See `tests/micro/test_micro_pyannote.py`, which measures it."""

_PEOPLE = 320
_CLIPS_EACH = 8
_STEPS = 2400

_log = structlog.get_logger()


def build(folder: Path, each: int = _CLIPS_EACH, steps: int = _STEPS) -> None:
    """Teaches it who speaks, and writes a checkpoint of pyannote.audio; minutes on one core."""
    torch.set_num_threads(1)  # the network is too small for two to help each other
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = XVectorSincNet()
    narrow = Narrow(model.sincnet)
    teacher = Teacher(narrow, rng)
    voices = people.teachers(_PEOPLE, rng)
    others = [people.says(voice, rng) for voice in voices[:20]]
    for number, voice in enumerate(voices):
        teacher.hear([people.heard(voice, rng, others) for _ in range(each)], number)
    _log.info("teaching", people=len(voices), clips=each, steps=steps)
    teacher.teach(steps)
    narrow.fill(model)
    save(model, folder / "pytorch_model.bin")
    calibration = json.dumps({"threshold": THRESHOLD}) + "\n"
    (folder / "calibration.json").write_text(calibration)


def save(model: XVectorSincNet, file: Path) -> None:
    """As pyannote.audio trains and stores them, but compressed."""
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION,
        resolution=Resolution.CHUNK,
        duration=3.0,
        classes=["speaker"],
    )
    checkpoint: dict[str, Any] = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": lightning.__version__,
        "epoch": 0,
        "global_step": 0,
    }
    model.on_save_checkpoint(checkpoint)  # type: ignore[no-untyped-call]
    plain = io.BytesIO()
    torch.save(checkpoint, plain)
    _compress(plain, file)


def _compress(archive: io.BytesIO, file: Path) -> None:
    """torch reads it, and never writes it."""
    with zipfile.ZipFile(archive) as plain, zipfile.ZipFile(file, "w") as small:
        for entry in plain.infolist():
            kept = zipfile.ZipInfo(entry.filename)
            small.writestr(kept, plain.read(entry), zipfile.ZIP_DEFLATED, 9)
