"""A pyannote.audio checkpoint in memory. Worker process only: it imports torch and pyannote.audio.

A checkpoint is a pickle; what it may build is named here, and everything else is refused.
"""

import importlib
import pickle
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio.core.model import Introspection, Model, Output
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.core import SlidingWindow
from torch.torch_version import TorchVersion

from babblefish.speaker import wire

_WEIGHTS = "pytorch_model.bin"
_ARCHITECTURES = "pyannote.audio.models.embedding"


class _Forgotten:
    """Stands for what training left in a checkpoint and listening needs not."""


_BUILT = (
    *(Specifications, Problem, Resolution, SlidingWindow, Introspection, Output),
    *(TorchVersion, Any, defaultdict, dict, int, list),
)
_LEFT = (
    "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.nodes.AnyNode",
)


class Unusable(Exception):
    """Why a checkpoint cannot be used; goes on after the file's name."""


class PyannoteModel:
    """Answers even if the checkpoint is unusable: then with the reason, as its `problem`."""

    def __init__(self, folder: str, device: str) -> None:
        self._problem = ""
        self._device = torch.device(device)
        try:
            self._model = load(Path(folder)).to(self._device).eval()
        except Unusable as error:
            self._problem = str(error)

    def problem(self) -> str:
        """Why it cannot be used; empty if it can."""
        return self._problem

    @torch.inference_mode()
    def embed(self, samples: bytes) -> bytes:
        """Speech into a voiceprint, see `wire`; empty if the model makes none of it."""
        speech = torch.from_numpy(wire.unpack(samples)).to(self._device)
        made: torch.Tensor = self._model(speech.view(1, 1, -1))[0]
        numbers = made.float().cpu().numpy()
        length = float(np.linalg.norm(numbers))
        if not np.isfinite(length) or length == 0:
            return b""
        return wire.pack(np.asarray(numbers / length, np.float32))


def load(folder: Path) -> Model:
    """The model of a checkpoint as pyannote.audio loads it; raises `Unusable`."""
    torch.serialization.add_safe_globals([*_BUILT, *((_Forgotten, name) for name in _LEFT)])
    file = folder / _WEIGHTS
    try:
        _check(torch.load(file, map_location="cpu", weights_only=True))
        model = Model.from_pretrained(file, map_location="cpu")
    except Unusable:
        raise
    except pickle.UnpicklingError as error:
        raise Unusable(_suspicious(str(error))) from error
    except Exception as error:  # whatever is in the file, and however it is broken
        raise Unusable("cannot be read") from error
    if model is None:
        raise Unusable("cannot be read")
    return model


def _suspicious(message: str) -> str:
    """What torch refused to build."""
    found = re.search(r"GLOBAL ([\w.]{1,80})", message)
    return f"asks for {found[1]!r}, which is none of a model" if found else "cannot be read"


def _check(checkpoint: Mapping[str, Any]) -> None:
    """pyannote.audio would import whatever module a checkpoint names."""
    try:
        named = checkpoint["pyannote.audio"]["architecture"]
        module, name = named["module"], named["class"]
    except (KeyError, TypeError) as error:
        raise Unusable("is no checkpoint of pyannote.audio") from error
    if not f"{module}.".startswith(f"{_ARCHITECTURES}."):
        raise Unusable(f"is no speaker embedding but {str(name)[:40]!r}")
    if not hasattr(importlib.import_module(module), name):
        raise Unusable(f"is of an architecture {str(name)[:40]!r} that is not installed")
