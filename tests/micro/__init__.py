"""Small checkpoints of the production models' architectures, and how they are made.

`python -m tests.micro seamless` rebuilds one; `BABBLEFISH_MODELS_DIR=tests/micro/checkpoints`
runs the product on them.
"""

import os
from pathlib import Path

CHECKPOINTS = Path(__file__).parent / "checkpoints"
"""What is kept: a folder a model, by the name that the product knows it by."""

# pyannote.audio tells its makers what is loaded, unless it finds this when it is imported.
os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
