"""Where models are looked for, and what is said where they are not."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from babblefish import models, settings
from babblefish.errors import EngineMissing
from babblefish.models import MODELS
from babblefish.translator import seamless
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES
from tests.support.command import babblefish

SEAMLESS = "seamless-m4t-v2-large"
PHRASE = PHRASES[0]
SHA256 = hashlib.sha256(b"weights").hexdigest()
GIT_SHA1 = hashlib.sha1(b"blob 7\0weights").hexdigest()  # noqa: S324 git's, not ours


def load(**chosen: object) -> settings.Settings:
    return settings.load([f"--{key.replace('_', '-')}={value}" for key, value in chosen.items()])


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache as huggingface-hub lays it out, with Kokoro in it."""
    repository = tmp_path / "hub" / "models--fastrtc--kokoro-onnx"
    snapshot = repository / "snapshots" / "abc"
    for folder in (snapshot, repository / "blobs", repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    named = {"kokoro-v1.0.onnx": SHA256, "voices-v1.0.bin": GIT_SHA1}
    for name, blob in named.items():
        (repository / "blobs" / blob).write_bytes(b"weights")
        (snapshot / name).symlink_to(f"../../blobs/{blob}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return repository


@pytest.mark.parametrize("name", MODELS)
def test_a_missing_model_is_named_with_all_that_one_must_know(name: str, tmp_path: Path) -> None:
    with pytest.raises(EngineMissing) as missing:
        models.find(name, load(models_dir=tmp_path))
    model = MODELS[name]
    for told in (model.name, model.size, model.licence, "hf download", model.repository):
        assert told in str(missing.value)
    assert f"--local-dir {tmp_path / name}" in missing.value.remedy


def test_it_is_found_in_the_folder_of_models() -> None:
    assert models.find("kokoro", load(models_dir=CHECKPOINTS)) == CHECKPOINTS / "kokoro"


def test_it_is_found_in_the_hubs_cache(hub: Path) -> None:
    assert models.find("kokoro", load()) == hub / "snapshots" / "abc"


def test_a_model_with_a_file_less_is_missing(hub: Path) -> None:
    (hub / "snapshots" / "abc" / "voices-v1.0.bin").unlink()
    with pytest.raises(EngineMissing):
        models.find("kokoro", load())


def test_the_hubs_cache_says_what_its_files_should_be(hub: Path) -> None:
    folder = hub / "snapshots" / "abc"
    assert models.verify(folder) == {"kokoro-v1.0.onnx": True, "voices-v1.0.bin": True}
    for blob in (hub / "blobs").iterdir():
        blob.write_bytes(b"other")
    assert models.verify(folder) == {"kokoro-v1.0.onnx": False, "voices-v1.0.bin": False}


def test_checksums_say_what_files_should_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    (tmp_path / models.SUMS).write_text(f"{SHA256}  a\n{SHA256} *gone\n")
    assert models.verify(tmp_path) == {"a": True, "gone": False}


def test_where_nothing_says_it_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    assert models.verify(tmp_path) == {}


def test_an_int8_copy_comes_with_the_model_or_lies_in_the_data_folder(tmp_path: Path) -> None:
    chosen = load(models_dir=tmp_path / "models", data_dir=tmp_path / "data")
    name = "seamless-m4t-v2-large"
    assert models.quantised(name, chosen) == tmp_path / "data" / "models" / f"{name}-int8"
    beside = tmp_path / "models" / f"{name}-int8"
    beside.mkdir(parents=True)
    assert models.quantised(name, chosen) == beside


def test_list_tells_of_each_and_of_what_to_run(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINTS / "kokoro", tmp_path / "kokoro")
    status, said = babblefish("models", "list", BABBLEFISH_MODELS_DIR=tmp_path)
    assert status == 0
    lines = {line.split()[0]: line for line in said.splitlines() if not line.startswith(" ")}
    assert lines["kokoro"].endswith(str(tmp_path / "kokoro"))
    assert "Apache-2.0" in lines["kokoro"]
    assert "missing: hf download facebook/" in lines["seamless-m4t-v2-large"]


def test_verify_names_the_file_that_is_not_what_it_should_be(tmp_path: Path) -> None:
    shutil.copytree(CHECKPOINTS / "kokoro", tmp_path / "kokoro")
    assert babblefish("models", "verify", "kokoro", "--models-dir", tmp_path)[0] == 0
    (tmp_path / "kokoro" / "voices-v1.0.bin").write_bytes(b"cut")
    for arguments in (["kokoro"], []):
        status, said = babblefish("models", "verify", *arguments, "--models-dir", tmp_path)
        assert status == 1
        assert "voices-v1.0.bin is not what it should be" in said


@pytest.mark.slow
@pytest.mark.timeout(240)  # torch is imported twice
async def test_an_int8_copy_is_stored_found_whole_and_taken(tmp_path: Path) -> None:
    """By the commands that people type, with models that nobody may write to."""
    kept, data = tmp_path / "models", tmp_path / "data"
    shutil.copytree(CHECKPOINTS / SEAMLESS, kept / SEAMLESS)
    (kept / SEAMLESS).chmod(0o555)
    where = [f"--models-dir={kept}", f"--data-dir={data}"]
    copy = data / "models" / f"{SEAMLESS}-int8"
    assert babblefish("models", "quantise", SEAMLESS, *where) == (0, f"{copy}\n")
    status, said = babblefish("models", "verify", SEAMLESS, *where)
    assert status == 0
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        str(kept / SEAMLESS),
        str(copy),
    ]
    engine = seamless.build(settings.load([*where, "--threads=1"]))
    await engine.start()
    (child,) = map(psutil.Process, engine.pids)
    assert copy in {Path(file.path).parent for file in child.memory_maps(grouped=True)}
    assert await engine.translate_text(PHRASE.en, "en", ["fr"]) == {"fr": PHRASE.fr}
    await engine.stop()


@pytest.mark.slow
def test_the_doctor_tells_what_to_run(tmp_path: Path) -> None:
    doctor = [sys.executable, "-m", "babblefish", "doctor", "--synthesizer=local:kokoro"]
    run = subprocess.run(
        [*doctor, f"--models-dir={tmp_path}"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "✗ engines" in run.stdout
    assert "hf download fastrtc/kokoro-onnx" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "kokoro"], "hf download"),
        (["verify"], "no model here"),
        (["verify", "nonesuch"], "There is no model 'nonesuch'"),
        (["quantise", "kokoro"], "No engine runs kokoro in int8"),
        (["quantise"], "hf download"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    status, line = babblefish("models", *arguments, "--models-dir", tmp_path)
    assert status == 1
    assert line.startswith("babblefish: ")
    assert line.count("\n") == 1
    assert said in line
