import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.languages import UnknownLanguage, normalise


@pytest.mark.parametrize(
    ("written", "short"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("eng", "en"),
        ("en-US", "en"),
        ("eng_Latn", "en"),
        ("zho_Hans", "zh"),
        ("cmn", "zh"),
        ("fra", "fr"),
        ("pt-BR", "pt"),
        ("ast", "ast"),
        (" pl ", "pl"),
        ("no", "no"),
        ("nob_Latn", "no"),
        ("nn-NO", "no"),
        ("nb", "no"),
    ],
)
def test_every_way_to_write_a_language_is_one(written: str, short: str) -> None:
    assert normalise(written) == short


@pytest.mark.parametrize(
    "nonsense", ["", "english", "e", "hello world", "und", "-", "\0", "en\n-x"]
)
def test_nonsense_is_refused(nonsense: str) -> None:
    with pytest.raises(UnknownLanguage):
        normalise(nonsense)


@given(st.text(max_size=40))
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    try:
        assert normalise(text).isalnum()
    except UnknownLanguage as error:
        assert len(str(error)) < 250
