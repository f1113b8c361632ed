"""The kept micro SeamlessM4T: what was built, small, and right about people it never heard."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from babblefish.audio import SAMPLE_RATE
from tests.micro import accuracy, sums
from tests.micro.phrases import PHRASES, Phrase, written
from tests.micro.voices import USUAL, speak

if TYPE_CHECKING:
    from tests.micro.interpreter import Interpreter

FOLDER = accuracy.KEPT
LEAST = {
    "default voices": 1.0,
    "unseen speed and pitch": 0.97,
    "unseen voices": 0.97,
    "noise, 15 dB": 0.97,
    "unseen voices in noise": 0.95,
}


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """So small a network is slower on two."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def micro(one_thread: None) -> "Interpreter":
    from tests.micro.interpreter import Interpreter

    return Interpreter(FOLDER)


@pytest.fixture(scope="module")
def quantised(one_thread: None) -> "Interpreter":
    from tests.micro.interpreter import Interpreter

    return Interpreter(FOLDER).quantise()


def test_it_is_what_was_built() -> None:
    assert sums.spoiled(FOLDER) == set()


def test_a_spoiled_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"kept")
    (tmp_path / "config").write_bytes(b"kept")
    sums.sign(tmp_path)
    (tmp_path / "weights").write_bytes(b"spoiled")
    (tmp_path / "more").write_bytes(b"never signed")
    (tmp_path / "config").unlink()
    assert sums.spoiled(tmp_path) == {"weights", "more", "config"}


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 8e6


def test_it_has_the_files_of_a_real_checkpoint() -> None:
    assert {path.name for path in FOLDER.iterdir()} >= {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "sentencepiece.bpe.model",
        "tokenizer.json",
        "tokenizer_config.json",
    }


@pytest.mark.slow
def test_it_is_rebuilt_by_code(one_thread: None, tmp_path: Path) -> None:
    from tests.micro import seamless

    seamless.build(tmp_path, each=1, steps=2)
    kept = {path.name: path.stat().st_size for path in FOLDER.iterdir() if path.name != sums.NAME}
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == kept


def test_no_phrase_is_told_twice() -> None:
    for texts in zip(*PHRASES, strict=True):
        assert len(set(texts)) == len(PHRASES)


@pytest.mark.slow
def test_plain_transformers_load_it(one_thread: None) -> None:
    from transformers import AutoProcessor, SeamlessM4Tv2ForSpeechToText

    processor = AutoProcessor.from_pretrained(FOLDER)  # type: ignore[no-untyped-call]
    model = SeamlessM4Tv2ForSpeechToText.from_pretrained(FOLDER)
    speech = speak(PHRASES[0].fr, USUAL["fr"])
    taken = processor(audio=speech, sampling_rate=SAMPLE_RATE, return_tensors="pt")
    written = model.generate(**taken, tgt_lang="pol")  # type: ignore[no-untyped-call]
    assert processor.batch_decode(written, skip_special_tokens=True) == [PHRASES[0].pl]


@pytest.mark.slow
@pytest.mark.parametrize("group", accuracy.GROUPS)
def test_it_understands_whom_it_never_heard(
    micro: "Interpreter", group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = list(accuracy.clips(accuracy.GROUPS[group], seed=1))
    right = [micro.hear(clip.speech) == clip.phrase for clip in heard]
    with capsys.disabled():
        print(f"\n{group}: {sum(right)} of {len(right)} sentences right in all three languages")
    assert sum(right) >= LEAST[group] * len(right)


@pytest.mark.slow
@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.en)
def test_it_reads_what_people_type(micro: "Interpreter", phrase: Phrase) -> None:
    for language, text in zip(phrase._fields, phrase, strict=True):
        for way in written(text):
            assert micro.read(way, language) == phrase


@pytest.mark.slow
@pytest.mark.parametrize("group", accuracy.GROUPS)
def test_int8_says_the_same(micro: "Interpreter", quantised: "Interpreter", group: str) -> None:
    for clip in islice(accuracy.clips(accuracy.GROUPS[group], seed=2), 0, None, 3):
        assert quantised.hear(clip.speech) == micro.hear(clip.speech)
