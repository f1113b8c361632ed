"""Where text is cut before it is spoken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.synthesizer.sentences import pieces, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("“Yes.” No.", ["“Yes.”", "No."]),
        ("3.5 km", ["3.5 km"]),
        ("你好。再见！", ["你好。", "再见！"]),
        ("no end", ["no end"]),
        ("  ", []),
    ],
)
def test_sentences_are_cut_where_a_voice_pauses(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("When the meeting starts, we will talk about it.", "When the meeting starts,"),
        ("Si la réunion commence ; nous parlerons du projet.", "Si la réunion commence ;"),
        ("The train is late – we will be there by nine.", "The train is late –"),
        (
            "会议九点开始的时候我们会在那里，然后我们谈谈这个新的项目。",
            "会议九点开始的时候我们会在那里，",
        ),
        ("That makes 1,000,000 of them, as far as I know.", "That makes 1,000,000 of them,"),
    ],
)
def test_a_long_first_sentence_begins_with_its_first_clause(text: str, first: str) -> None:
    assert pieces(text)[0] == first


@pytest.mark.parametrize(
    "text",
    [
        "Yes, I can hear you well.",  # too short to be spoken alone
        "We will be there tomorrow, Dan.",
        "Hello, how are you?",
        "When it starts, " + "we will talk about it for a very long time " * 4,  # it would stall
    ],
)
def test_a_clause_is_not_cut_off_where_it_would_sound_clipped_or_stall(text: str) -> None:
    assert pieces(text) == [text.strip()]


def test_later_sentences_are_whole() -> None:
    later = "When the meeting starts, we will talk about it."
    assert pieces(f"{later} {later}")[2:] == [later]


@given(st.text())
def test_nothing_is_lost_but_space(text: str) -> None:
    for cut in (sentences, pieces):
        assert "".join("".join(cut(text)).split()) == "".join(text.split())


@given(st.text(alphabet="ab ,;:.–-!?，。"))
def test_pieces_are_sentences_but_for_the_first(text: str) -> None:
    whole, cut = sentences(text), pieces(text)
    assert cut[len(cut) - len(whole) + 1 :] == whole[1:]
    assert len(cut) - len(whole) in (0, 1)
