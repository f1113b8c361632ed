"""`python -m bench.full_kokoro FOLDER`: Kokoro at full size (82 M parameters) with random weights.

What speech costs does not depend on what is said. The architecture is that of the package
`kokoro` (Apache-2.0), whose own dependencies (spaCy among them) exporting does not need.
"""

import importlib
import importlib.resources
import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

_SEED = 20261121
_PACKAGES = ("kokoro==0.9.4", "loguru==0.7.3")
_MODULES = ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
_VOICES = ("af_heart", "am_michael", "bf_emma", "ff_siwis")

# With it random weights speak as fast as trained ones: about 14 tokens a second.
_DURATION_BIAS = -2.86


def build(folder: Path) -> None:
    """Writes `kokoro-v1.0.onnx` and `voices-v1.0.bin`."""
    import torch

    packages = folder / "packages"
    model_class = _model_class(packages)
    torch.manual_seed(_SEED)
    nothing = packages / "nothing.pth"
    torch.save({}, nothing)
    config = json.loads((importlib.resources.files("kokoro_onnx") / "config.json").read_text())
    model = model_class("local", config, str(nothing), disable_complex=True).eval()
    with torch.no_grad():
        model.predictor.duration_proj.linear_layer.bias.fill_(_DURATION_BIAS)
    _export(model, folder / "kokoro-v1.0.onnx")
    rng = np.random.default_rng(_SEED)
    styles = {name: rng.normal(0, 0.1, (510, 1, 256)).astype(np.float32) for name in _VOICES}
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, **styles)  # type: ignore[arg-type]  # names are keywords here


def _model_class(packages: Path) -> Any:  # noqa: ANN401 not typed
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*pip, str(packages), "--upgrade", *_PACKAGES], check=True)
    sys.path.insert(0, str(packages))
    bare = types.ModuleType("kokoro")  # its own `__init__` would import the whole pipeline
    bare.__path__ = [str(packages / "kokoro")]
    sys.modules["kokoro"] = bare
    return importlib.import_module("kokoro.model").KModel


def _export(model: Any, path: Path) -> None:  # noqa: ANN401
    import torch

    class Exported(torch.nn.Module):
        def forward(
            self, tokens: torch.Tensor, style: torch.Tensor, speed: torch.Tensor
        ) -> torch.Tensor:
            audio: torch.Tensor = model.forward_with_tokens(tokens, style, speed)[0]
            return audio

    exported = Exported()
    exported.model = model
    example = (torch.randint(1, 100, (1, 60)), 0.1 * torch.randn(1, 256), torch.ones(1))
    torch.onnx.export(
        exported,
        example,
        str(path),
        input_names=["tokens", "style", "speed"],
        output_names=["audio"],
        dynamic_axes={"tokens": {1: "tokens"}, "audio": {0: "samples"}},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
