import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from babblefish.errors import StageDown
from babblefish.settings import Settings
from babblefish.translator.apertium import Apertium

MODES = Path(Settings.model_fields["apertium_modes"].default)


@pytest.fixture
async def apertium() -> AsyncIterator[Apertium]:
    before = set(psutil.Process().children())
    engine = Apertium(MODES)
    yield engine
    await engine.stop()
    assert set(psutil.Process().children()) <= before


async def test_it_translates_directly_and_by_pivot(apertium: Apertium) -> None:
    assert await apertium.translate("I would like a coffee", "en", "es") == "Me gustaría un café"
    assert await apertium.translate("Where is the house?", "en", "ca") == "On és la casa?"
    french = await apertium.translate("I would like a coffee", "en", "fr")
    assert french == "Il me plairait un café"


async def test_what_it_reaches_is_computed_from_what_is_installed(apertium: Apertium) -> None:
    assert {"es", "ca", "gl", "fr", "it", "pt"} <= apertium.reachable("en")
    assert "pl" not in apertium.reachable("en")
    assert "en" in apertium.reachable("fr")
    assert "en" not in apertium.reachable("en")


def test_variants_and_foreign_files_are_no_pairs(tmp_path: Path) -> None:
    for name in ("eng-spa", "eng-cat_valencia", "eco-es-fr", "README", "english-spanish"):
        (tmp_path / f"{name}.mode").write_text("cat\n")
    engine = Apertium(tmp_path)
    assert engine.languages == {"en"}
    assert engine.reachable("en") == {"es"}
    assert Apertium(tmp_path / "missing").languages == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "three [tests] of *stars* and ^carets$",
        "a/b \\ c <b> {d} @e #f",
        'O\'Neil & "co" – 日本 👩‍👧',
        "one.\ntwo\x00three\r\n\nfour",
        "[][\\\n]",
        "." * 500,
    ],
)
async def test_marks_of_the_stream_format_are_only_text(apertium: Apertium, text: str) -> None:
    translated = await apertium.translate(text, "en", "es")
    assert "\0" not in translated
    assert translated == " ".join(translated.split())
    for mark in "[]*^$/\\<>{}@#👩日":
        assert translated.count(mark) == text.count(mark)
    assert await apertium.translate("house", "en", "es") == "Casa"


async def test_unknown_words_pass_unmarked(apertium: Apertium) -> None:
    assert await apertium.translate("Babblefish", "en", "es") == "Babblefish"


@hypothesis_settings(max_examples=5, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=30))
def test_no_text_gets_the_answers_out_of_step(texts: list[str]) -> None:
    async def check() -> None:
        engine = Apertium(MODES)
        try:
            house = await engine.translate("casa", "gl", "en")
            for text in texts:
                await engine.translate(text, "gl", "en")
                assert await engine.translate("casa", "gl", "en") == house
        finally:
            await engine.stop()

    asyncio.run(check())


async def test_many_at_once_each_get_their_own_answer(apertium: Apertium) -> None:
    words = {"house": "Casa", "dog": "Perro", "water": "Agua", "bread": "Pan"}
    asked = list(words) * 10
    answers = await asyncio.gather(*(apertium.translate(word, "en", "es") for word in asked))
    assert answers == [words[word] for word in asked]


async def test_a_dead_program_is_replaced_unnoticed(apertium: Apertium) -> None:
    before = set(psutil.Process().children())
    assert await apertium.translate("dog", "en", "es") == "Perro"
    for victim in (0, 5, -1):
        programs = set(psutil.Process().children()) - before
        sorted(programs, key=lambda program: program.pid)[victim].kill()
        assert await apertium.translate("dog", "en", "es") == "Perro"


async def test_who_gives_up_takes_no_answer_with_them(apertium: Apertium) -> None:
    await apertium.translate("dog", "en", "es")
    given_up = asyncio.create_task(apertium.translate("house", "en", "es"))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await apertium.translate("dog", "en", "es") == "Perro"


async def test_preparing_makes_the_first_sentence_fast(apertium: Apertium) -> None:
    apertium.prepare("en", ["es", "pl", "en"])
    await apertium.translate("dog", "en", "es")
    started = time.monotonic()
    await apertium.translate("Where is the train station?", "en", "es")
    assert time.monotonic() - started < 0.1


async def test_a_broken_pair_is_an_error_that_says_what_to_try(tmp_path: Path) -> None:
    for name, mode in (("eng-spa", "no-such-program x"), ("eng-cat", "false")):
        (tmp_path / f"{name}.mode").write_text(mode)
    engine = Apertium(tmp_path)
    for target in ("es", "ca"):
        with pytest.raises(StageDown, match="apertium eng-"):
            await engine.translate("dog", "en", target)
    await engine.stop()
