"""Checkpoints are somebody's files: damaged, hostile, of another network, or not there."""

import json
import multiprocessing
import pickle
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from babblefish import settings
from babblefish.cloner import f5
from babblefish.cloner.f5_checkpoints import VOCODER, find, speakers
from babblefish.errors import EngineMissing
from tests.cloner.elsewhere import problem_of
from tests.micro import CHECKPOINTS

F5 = "f5-en-fr-pl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copies to be spoiled."""
    for name in (F5, VOCODER):
        shutil.copytree(CHECKPOINTS / name, tmp_path / name)
    return tmp_path


def load(folder: Path) -> settings.Settings:
    return settings.load(["--models-dir", str(folder)])


def configured(folder: Path, **changed: Any) -> None:  # noqa: ANN401 any JSON
    config = folder / F5 / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **changed}))


def test_a_folder_tells_its_languages_and_its_licence(folder: Path) -> None:
    configured(folder, languages=["fra", "pt-BR"], licence="CC-BY-NC-4.0")
    engine = f5.build(load(folder))
    assert engine.languages == {"fr": "CC-BY-NC-4.0", "pt": "CC-BY-NC-4.0"}


def test_a_language_is_spoken_by_who_speaks_the_fewest_others(folder: Path) -> None:
    shutil.copytree(folder / F5, folder / "f5-french")
    config = folder / "f5-french" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "languages": ["fr"]}))
    checkpoints = find(load(folder))
    chosen = {name: checkpoints[i].languages for name, i in speakers(checkpoints).items()}
    assert chosen["fr"] == {"fr"}
    assert chosen["en"] == {"en", "fr", "pl"}


def test_the_published_base_speaks_english_and_chinese(folder: Path) -> None:
    shutil.rmtree(folder / F5)
    base = folder / "f5-tts-base" / "F5TTS_v1_Base"
    base.mkdir(parents=True)
    for name in ("model_1250000.safetensors", "vocab.txt"):
        (base / name).touch()
    assert dict(f5.build(load(folder)).languages) == {"en": "CC-BY-NC-4.0", "zh": "CC-BY-NC-4.0"}


def test_without_any_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match=r"f5-tts-base.*CC-BY-NC-4.0.*hf download"):
        f5.build(load(tmp_path))


def test_without_the_vocoder_it_says_how_to_get_it(folder: Path) -> None:
    shutil.rmtree(folder / VOCODER)
    with pytest.raises(EngineMissing, match=r"vocos-mel-24khz.*hf download"):
        f5.build(load(folder))


@pytest.mark.parametrize("lost", ["model.safetensors", "vocab.txt", "config.json"])
def test_a_file_that_is_missing_is_named(folder: Path, lost: str) -> None:
    (folder / F5 / lost).unlink()
    with pytest.raises(EngineMissing, match=f"{F5} lacks {lost}"):
        f5.build(load(folder))


@pytest.mark.parametrize(
    "changed",
    [
        {"languages": []},
        {"languages": ["no language"]},
        {"licence": ""},
        {"architecture": {"dim": 1 << 40}},
        {"architecture": {"depth": 1e9}},
        {"architecture": {"text_dim": -1}},
        {"architecture": {"attn_backend": "flash_attn"}},
        {"architecture": []},
    ],
)
def test_a_config_that_cannot_be_is_refused(folder: Path, changed: dict[str, Any]) -> None:
    configured(folder, **changed)
    with pytest.raises(EngineMissing, match=r"f5-en-fr-pl has a config.json that cannot be used"):
        f5.build(load(folder))


class Mine:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def cut(folder: Path) -> None:
    weights = folder / F5 / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def no_tensors(folder: Path) -> None:
    (folder / F5 / "model.safetensors").write_bytes(b"\xff" * 64)


def pickled(folder: Path) -> None:
    (folder / F5 / "model.safetensors").write_bytes(pickle.dumps(Mine(folder / "touched")))


def wider(folder: Path) -> None:
    configured(folder, architecture={"dim": 2048, "depth": 48, "heads": 32, "ff_mult": 8})


def impossible(folder: Path) -> None:
    configured(folder, architecture={"dim": 193, "qk_norm": "of no kind"})


def fewer_letters(folder: Path) -> None:
    (folder / F5 / "vocab.txt").write_text(" \na\nb\n")


def no_letters(folder: Path) -> None:
    (folder / F5 / "vocab.txt").write_bytes(b"\xff\xfe")


def vocoder_pickled(folder: Path) -> None:
    (folder / VOCODER / "pytorch_model.bin").write_bytes(pickle.dumps(Mine(folder / "touched")))


def vocoder_cut(folder: Path) -> None:
    weights = folder / VOCODER / "pytorch_model.bin"
    weights.write_bytes(weights.read_bytes()[:5000])


def vocoder_config(folder: Path) -> None:
    (folder / VOCODER / "config.yaml").write_text("backbone: {init_args: {dim: 99999999}}")


def vocoder_code(folder: Path) -> None:
    touched = folder / "touched"
    (folder / VOCODER / "config.yaml").write_text(
        f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{touched}]]"
    )


@pytest.fixture(scope="module")
def child() -> Iterator[Executor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (cut, "model.safetensors is damaged"),
        (no_tensors, "model.safetensors is damaged"),
        (pickled, "model.safetensors is damaged"),
        (wider, "model.safetensors is of another network"),
        (impossible, "has a config.json of no network"),
        (fewer_letters, "model.safetensors is of another network"),
        (no_letters, "vocab.txt cannot be read"),
        (vocoder_pickled, "pytorch_model.bin is damaged"),
        (vocoder_cut, "pytorch_model.bin is damaged"),
        (vocoder_config, "config.yaml cannot be used"),
        (vocoder_code, "config.yaml cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named_and_runs_nothing(
    child: Executor, folder: Path, spoil: Callable[[Path], None], named: str
) -> None:
    spoil(folder)
    engine = f5.build(load(folder))
    assert named in child.submit(problem_of, engine._arguments).result(100)
    assert not (folder / "touched").exists()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_whoever_starts_it_is_told(folder: Path) -> None:
    cut(folder)
    engine = f5.build(load(folder))
    with pytest.raises(EngineMissing, match=r"f5-en-fr-pl/model.safetensors is damaged"):
        await engine.start()
    await engine.stop()
