"""What F5 is asked to speak at a time."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.cloner.f5_text import frames, most_bytes, pieces

limits = st.integers(4, 200)


def size(text: str) -> int:
    return len(text.encode())


@given(st.text(max_size=300), limits)
def test_no_piece_is_too_long_and_none_is_empty(text: str, most: int) -> None:
    for piece in pieces(text, most):
        assert 0 < size(piece) <= most


@given(st.text(max_size=300), limits)
def test_nothing_but_white_space_is_lost(text: str, most: int) -> None:
    assert "".join("".join(pieces(text, most)).split()) == "".join(text.split())


@given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=20), limits)
def test_no_two_neighbours_would_fit_into_one(words: list[str], most: int) -> None:
    """Every piece costs a pass over the reference."""
    parts = pieces(". ".join(words), most)
    for first, second in itertools.pairwise(parts):
        assert size(f"{first} {second}") > most


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One two. Three four.", ["One two.", "Three four."]),
        ("One two three, four", ["One two", "three,", "four"]),
        ("Onetwothreefour", ["Onetwothre", "efour"]),
        ("你好。再见。", ["你好。", "再见。"]),
        ("  ", []),
    ],
)
def test_it_is_cut_where_a_voice_pauses(text: str, parts: list[str]) -> None:
    assert pieces(text, 12 if "." in text else 10) == parts


def test_it_takes_as_long_as_the_reference_at_its_pace() -> None:
    prompt = "Twelve bytes" * 4
    assert frames("Twelve bytes", prompt, 400) == 100


def test_a_word_alone_is_spoken_slower() -> None:
    assert frames("Yes.", "y" * 100, 1000) > 2 * frames("y" * 4, "y" * 100, 400)


def test_reference_and_speech_fit_into_what_f5_was_taught() -> None:
    prompt, seconds = "x" * 180, 12.0
    longest = most_bytes(prompt, seconds)
    assert seconds + longest * seconds / len(prompt) <= 22.0
