"""Where the child process of the speaker stage begins."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babblefish.speaker.pyannote_model import PyannoteModel

_ENVIRONMENT = {
    "PYANNOTE_METRICS_ENABLED": "0",
    "HF_HUB_OFFLINE": "1",
    # pyannote.audio unpickles whatever a checkpoint says; torch overrules it.
    "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",
}
"""pyannote.audio tells its makers what is loaded, unless it finds this when it is imported."""


def build(folder: str, device: str) -> "PyannoteModel":
    """See `PyannoteModel`."""
    os.environ.update(_ENVIRONMENT)
    from babblefish.speaker.pyannote_model import PyannoteModel

    return PyannoteModel(folder, device)
