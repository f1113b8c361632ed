"""The models that engines load: where they are, whether they are whole, and how to get them.

A model is a folder. It is looked for as `<models_dir>/<name>` where that setting is given, else in
the hub's cache (https://huggingface.co/docs/huggingface_hub/guides/manage-cache). Nothing is ever
downloaded from here. A quantised copy lies beside it or in the data folder, because a cache may be
read-only: see `quantised`.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babblefish.errors import EngineMissing
from babblefish.settings import Settings

SUMS = "SHA256SUMS"
"""Checksums of a model's files, as `sha256sum -c` reads them."""

_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Model:
    """Weights that somebody published."""

    name: str
    stage: str
    repository: str
    needs: tuple[str, ...]
    """Files without which no engine starts."""
    fetch: str
    """What `hf download` is told to fetch of the repository."""
    size: str
    licence: str
    quantisable: bool = False


MODELS = {
    model.name: model
    for model in (
        Model(
            "seamless-m4t-v2-large",
            "translator",
            "facebook/seamless-m4t-v2-large",
            ("config.json",),
            # The repository holds the same weights in another format, too.
            "--exclude '*.pt'",
            "9 GB",
            "CC-BY-NC-4.0",
            quantisable=True,
        ),
        Model(
            "kokoro",
            "synthesizer",
            "fastrtc/kokoro-onnx",
            ("kokoro-v1.0.onnx", "voices-v1.0.bin"),
            "kokoro-v1.0.onnx voices-v1.0.bin",
            "350 MB",
            "Apache-2.0",
        ),
        Model(
            "pyannote-embedding",
            "speaker",
            "pyannote/embedding",
            ("pytorch_model.bin",),
            # Its page asks for a name and an address first; then `hf auth login`.
            "pytorch_model.bin",
            "100 MB",
            "MIT, gated",
        ),
        Model(
            "f5-tts-base",
            "cloner",
            "SWivid/F5-TTS",
            ("F5TTS_v1_Base/model_1250000.safetensors", "F5TTS_v1_Base/vocab.txt"),
            "F5TTS_v1_Base/model_1250000.safetensors F5TTS_v1_Base/vocab.txt",
            "1.35 GB",
            "CC-BY-NC-4.0",
        ),
        Model(
            "vocos-mel-24khz",
            "cloner",
            "charactr/vocos-mel-24khz",
            ("config.yaml", "pytorch_model.bin"),
            "config.yaml pytorch_model.bin",
            "54 MB",
            "MIT",
        ),
    )
}
"""Every model that an engine here loads, by name."""


def find(name: str, settings: Settings) -> Path:
    """The folder of a model; raises `EngineMissing`, which says how to get it."""
    model = MODELS[name]
    folder = _place(model, settings)
    if folder and all((folder / file).is_file() for file in model.needs):
        return folder
    where = str(settings.models_dir) if settings.models_dir else "the hub's cache"
    raise EngineMissing(
        f"The {model.stage}'s model {name} ({model.size}, {model.licence}) is not in {where}.",
        f"Fetch it with `{download(model, settings)}`.",
    )


def download(model: Model, settings: Settings) -> str:
    """The command that puts it where `find` looks (of `pip install huggingface-hub`)."""
    where = f" --local-dir {settings.models_dir / model.name}" if settings.models_dir else ""
    return f"hf download {model.repository} {model.fetch}{where}"


def quantised(name: str, settings: Settings) -> Path:
    """Where its int8 copy is, or is put: beside the model if one came with it, else in `data_dir`.

    Nothing need be there yet; `babblefish models quantise` writes to the one in `data_dir`.
    """
    copy = f"{name}-int8"
    if settings.models_dir and (settings.models_dir / copy).is_dir():
        return settings.models_dir / copy
    return settings.data_dir / "models" / copy


def verify(folder: Path) -> dict[str, bool]:
    """Which files are what they should be, by name; empty if nothing says what that is.

    By `SHA256SUMS`, or by the hub's cache: there a file is a link to a blob, named by its SHA-256
    or, if it is small, by git's SHA-1 of it.
    """
    return {
        name: (folder / name).is_file() and _digest(folder / name, len(digest)) == digest
        for name, digest in _expected(folder)
    }


def _place(model: Model, settings: Settings) -> Path | None:
    if settings.models_dir:
        return settings.models_dir / model.name
    repository = _hub_cache() / f"models--{model.repository.replace('/', '--')}"
    try:
        revision = (repository / "refs" / "main").read_text().strip()
    except OSError:
        return None
    return repository / "snapshots" / revision


def _hub_cache() -> Path:
    """As huggingface-hub finds it; a user without a home has none."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", f"{cache}/huggingface")
    return Path(os.path.expanduser(os.environ.get("HF_HUB_CACHE", f"{home}/hub")))  # noqa: PTH111


def _expected(folder: Path) -> Iterator[tuple[str, str]]:
    if (folder / SUMS).is_file():
        for line in (folder / SUMS).read_text().splitlines():
            digest, _, name = line.partition(" ")
            yield name.removeprefix(" ").removeprefix("*"), digest
        return
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            yield str(path.relative_to(folder)), path.readlink().name


def _digest(path: Path, digits: int) -> str:
    with path.open("rb") as file:
        if digits == _SHA256_DIGITS:
            return hashlib.file_digest(file, "sha256").hexdigest()
        content = file.read()
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()
