"""Checkpoints are pickles: what they may build is named, and nothing else is built."""

import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from babblefish import settings
from babblefish.errors import EngineMissing
from babblefish.speaker import pyannote
from tests.micro import CHECKPOINTS

WEIGHTS = "pytorch_model.bin"
KEPT = CHECKPOINTS / "pyannote-embedding"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to be spoiled."""
    return Path(shutil.copytree(KEPT, tmp_path / "pyannote-embedding"))


@pytest.fixture
def problem(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """Why a checkpoint is not used, as its process says."""
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    from babblefish.speaker.pyannote_model import PyannoteModel

    return lambda folder: PyannoteModel(str(folder), "cpu").problem()


def changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The checkpoint with something else in it."""
    import torch

    checkpoint = torch.load(folder / WEIGHTS, weights_only=False)
    change(checkpoint)
    torch.save(checkpoint, folder / WEIGHTS)


def test_a_whole_one_is_used(folder: Path, problem: Callable[[Path], str]) -> None:
    assert problem(folder) == ""


class Mine:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def hidden(folder: Path, mine: Mine) -> None:
    changed(folder, lambda checkpoint: checkpoint.update(callbacks=mine))


def bare(folder: Path, mine: Mine) -> None:
    (folder / WEIGHTS).write_bytes(pickle.dumps(mine))


def in_a_zip(folder: Path, mine: Mine) -> None:
    with zipfile.ZipFile(folder / WEIGHTS, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(mine))
        archive.writestr("archive/version", "3\n")


@pytest.mark.parametrize("spoil", [hidden, bare, in_a_zip])
def test_a_hostile_one_runs_nothing(
    folder: Path, problem: Callable[[Path], str], spoil: Callable[[Path, Mine], None]
) -> None:
    touched = folder / "touched"
    spoil(folder, Mine(touched))
    assert problem(folder)
    assert not touched.exists()
    pickle.loads(pickle.dumps(Mine(touched)))  # noqa: S301 it would have been
    assert touched.exists()


def test_pyannote_itself_is_overruled(folder: Path, problem: Callable[[Path], str]) -> None:
    """It would unpickle anything: what the first look refuses must not depend on a second."""
    from pyannote.audio import Model

    assert problem(folder) == ""
    hidden(folder, Mine(folder / "touched"))
    with pytest.raises(pickle.UnpicklingError):
        Model.from_pretrained(folder)
    assert not (folder / "touched").exists()


def test_what_it_asks_for_is_named(folder: Path, problem: Callable[[Path], str]) -> None:
    hidden(folder, Mine(folder / "touched"))
    assert "Path.touch" in problem(folder) or "getattr" in problem(folder)


def test_what_training_left_is_no_matter(folder: Path, problem: Callable[[Path], str]) -> None:
    """The published checkpoint was saved by pytorch_lightning 1, with its callbacks in it."""
    from pytorch_lightning.callbacks import EarlyStopping

    leftover = {EarlyStopping: {"wait_count": 3}}
    changed(folder, lambda checkpoint: checkpoint.update(callbacks=leftover))
    assert problem(folder) == ""


@pytest.mark.parametrize(
    ("module", "name", "why"),
    [
        ("antigravity", "XVectorSincNet", "no speaker embedding"),
        ("pyannote.audio.models.segmentation", "PyanNet", "no speaker embedding"),
        ("pyannote.audio.models.embeddings_of_mine", "X", "no speaker embedding"),
        ("pyannote.audio.models.embedding", "Unheard", "not installed"),
    ],
)
def test_another_architecture_is_named(
    folder: Path, problem: Callable[[Path], str], module: str, name: str, why: str
) -> None:
    architecture = {"module": module, "class": name}
    changed(folder, lambda c: c["pyannote.audio"].update(architecture=architecture))
    assert why in problem(folder)
    assert name in problem(folder)


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>" * 100, (KEPT / WEIGHTS).read_bytes()[:-5000]]
)
def test_a_broken_one_cannot_be_read(
    folder: Path, problem: Callable[[Path], str], content: bytes
) -> None:
    (folder / WEIGHTS).write_bytes(content)
    assert problem(folder) == "cannot be read"


def test_weights_that_lack_cannot_be_read(folder: Path, problem: Callable[[Path], str]) -> None:
    changed(folder, lambda checkpoint: checkpoint["state_dict"].popitem())
    assert problem(folder) == "cannot be read"


def test_other_numbers_are_no_checkpoint(folder: Path, problem: Callable[[Path], str]) -> None:
    import torch

    torch.save({"weight": torch.zeros(3)}, folder / WEIGHTS)
    assert problem(folder) == "is no checkpoint of pyannote.audio"
    torch.save([1, 2], folder / WEIGHTS)
    assert problem(folder) == "is no checkpoint of pyannote.audio"


@pytest.mark.parametrize("number", [0.0, float("nan"), float("inf")])
def test_a_model_that_computes_nothing_gives_no_print(
    folder: Path, problem: Callable[[Path], str], number: float
) -> None:
    from babblefish.speaker.pyannote_model import PyannoteModel

    changed(folder, lambda checkpoint: checkpoint["state_dict"]["embedding.bias"].fill_(number))
    changed(folder, lambda checkpoint: checkpoint["state_dict"]["embedding.weight"].zero_())
    assert problem(folder) == ""
    assert PyannoteModel(str(folder), "cpu").embed(bytes(64_000)) == b""


async def test_the_engine_says_why_it_does_not_start(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"<html>404</html>" * 100)
    engine = pyannote.build(settings.load(["--models-dir", str(folder.parent)]))
    with pytest.raises(EngineMissing, match=r"pytorch_model\.bin cannot be read.*models verify"):
        await engine.start()
    await engine.stop()


def test_without_the_model_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="hf download pyannote/embedding"):
        pyannote.build(settings.load(["--models-dir", str(tmp_path)]))


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"threshold": null}', '{"threshold": NaN}', '{"threshold": 1.5}']
)
def test_a_calibration_that_tells_no_threshold_is_named(folder: Path, text: str) -> None:
    (folder / "calibration.json").write_text(text)
    with pytest.raises(EngineMissing, match="calibration"):
        pyannote.build(settings.load(["--models-dir", str(folder.parent)]))


def test_a_threshold_comes_with_the_model_or_is_the_usual_one(folder: Path) -> None:
    chosen = settings.load(["--models-dir", str(folder.parent)])
    (folder / "calibration.json").write_text('{"threshold": 0.625}')
    assert pyannote.build(chosen).threshold == 0.625
    (folder / "calibration.json").unlink()
    assert pyannote.build(chosen).threshold == 0.5


def test_other_weights_are_another_space(folder: Path) -> None:
    chosen = settings.load(["--models-dir", str(folder.parent)])
    before = pyannote.build(chosen).model
    changed(folder, lambda checkpoint: checkpoint["state_dict"]["embedding.bias"].add_(1))
    assert pyannote.build(chosen).model != before
