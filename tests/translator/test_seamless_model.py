"""The model itself, with small weights that know the phrases of `tests.micro`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from babblefish.audio import SAMPLE_RATE
from babblefish.translator.wire import pack
from tests.micro import CHECKPOINTS
from tests.micro.phrases import PHRASES
from tests.micro.voices import USUAL, speak
from tests.support.weights import of_text_encoder, without

if TYPE_CHECKING:
    from babblefish.translator.seamless_model import SeamlessModel

pytestmark = pytest.mark.slow  # torch takes seconds to import

FOLDER = CHECKPOINTS / "seamless-m4t-v2-large"
CODES = {"en": "eng", "fr": "fra", "pl": "pol"}
WANTED = list(CODES.values())
SOME = PHRASES[:4]

Load = Callable[..., "SeamlessModel"]
Said = tuple[bytes | str, str, list[str]]


@pytest.fixture(scope="module")
def load() -> Load:
    import torch

    from babblefish.translator.seamless_model import SeamlessModel

    torch.set_num_threads(1)  # two are slower for anything so small
    return SeamlessModel


@pytest.fixture(scope="module")
def exact(load: Load) -> "SeamlessModel":
    return load(str(FOLDER), "float32", "cpu")


@pytest.fixture(scope="module")
def small(load: Load) -> "SeamlessModel":
    return load(str(FOLDER), "int8", "cpu")


@pytest.fixture(scope="module")
def said() -> list[Said]:
    """Phrases, spoken and written, in three languages; each wants others."""
    dice = np.random.default_rng(3)
    return [
        (form, CODES[language], dice.permutation(WANTED)[: dice.integers(1, 4)].tolist())
        for phrase in SOME
        for language in CODES
        for text in [getattr(phrase, language)]
        for form in (pack(speak(text, USUAL[language])), text)
    ]


@pytest.fixture(scope="module")
def alone(exact: "SeamlessModel", said: list[Said]) -> list[list[str]]:
    return [texts(exact, [one])[0] for one in said]


def texts(model: "SeamlessModel", batch: list[Said]) -> list[list[str]]:
    return [[hypothesis.text for hypothesis in each] for each in model.translate(batch)]


@pytest.mark.parametrize("model", ["exact", "small"])
def test_every_phrase_is_told_in_every_language(model: str, request: pytest.FixtureRequest) -> None:
    for phrase in SOME:
        for language, code in CODES.items():
            text = getattr(phrase, language)
            forms = [pack(speak(text, USUAL[language])), text]
            batch: list[Said] = [(form, code, WANTED) for form in forms]
            told = texts(request.getfixturevalue(model), batch)
            assert told == [[phrase.en, phrase.fr, phrase.pl]] * 2


def test_it_says_what_transformers_says(said: list[Said], alone: list[list[str]]) -> None:
    from transformers import (
        SeamlessM4TFeatureExtractor,
        SeamlessM4TTokenizer,
        SeamlessM4Tv2ForSpeechToText,
    )

    model: Any = SeamlessM4Tv2ForSpeechToText.from_pretrained(FOLDER)
    features = SeamlessM4TFeatureExtractor.from_pretrained(FOLDER)
    tokenizer: Any = SeamlessM4TTokenizer.from_pretrained(FOLDER)
    for (speech, _, wanted), ours in zip(said, alone, strict=True):
        if isinstance(speech, str):
            continue
        heard = np.frombuffer(speech, "<f4")
        inputs = features(heard, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        theirs = [model.generate(**inputs, tgt_lang=code)[0] for code in wanted]
        assert ours == [tokenizer.decode(ids, skip_special_tokens=True) for ids in theirs]


@hypothesis_settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_company_changes_no_text(
    exact: "SeamlessModel",
    small: "SeamlessModel",
    said: list[Said],
    alone: list[list[str]],
    data: st.DataObject,
) -> None:
    """Other utterances' lengths, languages and texts, whatever the precision."""
    chosen = data.draw(st.lists(st.integers(0, len(said) - 1), min_size=1, max_size=8))
    for model in (exact, small):
        together = texts(model, [said[at] for at in chosen])
        assert together == [alone[at] for at in chosen]


def test_scores_are_mean_probabilities(exact: "SeamlessModel", said: list[Said]) -> None:
    for hypotheses in exact.translate(said):
        for hypothesis in hypotheses:
            assert 0.3 < hypothesis.score <= 1


def test_a_model_that_never_ends_is_ended(load: Load) -> None:
    endless = load(str(FOLDER), "float32", "cpu")
    endless._generation.eos_token_id = -1
    second = pack(np.zeros(SAMPLE_RATE, np.float32))
    brief, long = endless.translate([(second, "eng", ["eng"]), (second * 3, "eng", ["fra"])])
    assert brief
    assert long


def test_weights_without_a_text_encoder_still_hear(
    load: Load, tmp_path: Path, said: list[Said], alone: list[list[str]]
) -> None:
    folder = without(of_text_encoder, FOLDER, tmp_path / "hears")
    assert texts(load(str(folder), "int8", "cpu"), said[:1]) == alone[:1]
