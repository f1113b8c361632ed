"""What a checkpoint's files tell, before anybody loads it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from babblefish.errors import EngineMissing
from babblefish.translator import seamless_checkpoint
from tests.micro import CHECKPOINTS
from tests.support.weights import of_text_encoder, without

MICRO = CHECKPOINTS / "seamless-m4t-v2-large"


def called(folder: Path, *codes: str) -> dict[str, str]:
    """Our code for each language that a checkpoint with these calls it by."""
    content = {"text_decoder_lang_to_code_id": dict.fromkeys(codes, 1)}
    (folder / "generation_config.json").write_text(json.dumps(content))
    return seamless_checkpoint.languages(folder)


def test_it_tells_its_languages_and_that_it_reads() -> None:
    found = seamless_checkpoint.inspect(MICRO)
    assert found.folder == MICRO
    assert found.codes == {"en": "eng", "fr": "fra", "pl": "pol"}
    assert found.reads


def test_without_a_text_encoder_it_reads_nothing(tmp_path: Path) -> None:
    assert not seamless_checkpoint.reads(without(of_text_encoder, MICRO, tmp_path / "hears"))


def test_weights_may_come_in_several_files(tmp_path: Path) -> None:
    without(of_text_encoder, MICRO, tmp_path / "model")
    shutil.copyfile(MICRO / "model.safetensors", tmp_path / "model" / "other.safetensors")
    assert seamless_checkpoint.reads(tmp_path / "model")


def test_languages_are_called_as_everywhere_here(tmp_path: Path) -> None:
    codes = called(tmp_path, "eng", "arb", "ary", "yue", "pes")
    assert codes == {"en": "eng", "ar": "arb", "ary": "ary", "yue": "yue", "fa": "pes"}


@pytest.mark.parametrize("codes", [("cmn", "cmn_Hant"), ("cmn_Hant", "cmn")])
def test_chinese_is_the_plain_one(tmp_path: Path, codes: tuple[str, str]) -> None:
    assert called(tmp_path, *codes) == {"zh": "cmn"}


@pytest.mark.parametrize("codes", [("nob", "nno"), ("nno", "nob")])
def test_norwegian_is_what_most_write(tmp_path: Path, codes: tuple[str, str]) -> None:
    assert called(tmp_path, *codes) == {"no": "nob"}


def test_a_code_that_is_none_is_no_language(tmp_path: Path) -> None:
    assert called(tmp_path, "eng", "english") == {"en": "eng"}


@pytest.mark.parametrize("content", ["", "{}", "{"])
def test_a_model_that_tells_no_languages_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "generation_config.json").write_text(content)
    with pytest.raises(EngineMissing, match="tells no languages"):
        seamless_checkpoint.languages(tmp_path)


def test_a_model_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match="no weights"):
        seamless_checkpoint.reads(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 1000, -1])
def test_weights_that_were_cut_are_named(tmp_path: Path, kept: int) -> None:
    whole = (MICRO / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:kept])
    with pytest.raises(EngineMissing, match=r"damaged.*Fetch it again"):
        seamless_checkpoint.reads(tmp_path)


@pytest.mark.slow
def test_who_looks_imports_no_torch() -> None:
    script = (
        "import sys; from pathlib import Path; from babblefish.translator import seamless;"
        "seamless.inspect(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script, MICRO], check=False).returncode == 0
