"""Where the child process of the cloner begins."""

import importlib.util
import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babblefish.cloner.f5_model import F5Model

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "DO_NOT_TRACK": "1",
}
"""So that none of its libraries asks anybody for anything."""

_PACKAGE = "f5_tts.model"


def build(*arguments: Any) -> "F5Model":  # noqa: ANN401 as `F5Model` has them
    """See `F5Model`."""
    os.environ.update(ENVIRONMENT)
    _leave_trainer_out()
    from babblefish.cloner.f5_model import F5Model

    return F5Model(*arguments)


def _leave_trainer_out() -> None:
    """f5-tts' models import its trainer, and that wandb, pandas and more: most of the start."""
    if _PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(_PACKAGE)
    if spec and spec.submodule_search_locations:
        bare = types.ModuleType(_PACKAGE)
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules[_PACKAGE] = bare
