import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish import protocol
from babblefish.protocol import Refusal, down, up

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
types = st.sampled_from(["join", "text", "set_name", "set_language", "played", "ping", "leave",
                         "name_speaker"])  # fmt: skip
fields = st.sampled_from(["session", "name", "language", "codecs", "audio", "text", "last_seq",
                          "speaker_id"])  # fmt: skip


@given(st.text() | anything.map(json.dumps))
def test_whatever_comes_is_a_message_or_a_refusal(raw: str) -> None:
    with_code(raw)


@given(types, st.dictionaries(fields, anything))
def test_known_types_with_any_fields_too(kind: str, body: dict[str, object]) -> None:
    with_code(json.dumps({**body, "type": kind}))


def with_code(raw: str) -> str | None:
    """The refusal's code, none if the message was taken."""
    try:
        up.decode(raw)
    except Refusal as refusal:
        assert refusal.close is None  # one bad message never costs the connection
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("[1]", "bad_message"),
        ('"join"', "bad_message"),
        ("{}", "bad_message"),
        ('{"type":1}', "bad_message"),
        ('{"type":"dance"}', "unknown_type"),
        ('{"type":"join","session":"a","name":"b"}', "bad_message"),
        ('{"type":"join","session":"../a","name":"b","language":"en"}', "bad_message"),
        ('{"type":"text","text":""}', "bad_message"),
        ('{"type":"ping"}', None),
        ('{"type":"leave","why":"a field of a later protocol"}', None),
        ('{"more":' + "[" * 100_000, "bad_json"),
    ],
)
def test_refusals_have_codes(raw: str, code: str | None) -> None:
    assert with_code(raw) == code


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(Refusal, match="language"):
        up.decode('{"type":"join","session":"a","name":"b","language":3}')


def test_join_by_query_is_the_join_by_message() -> None:
    keys = {
        "session": "a",
        "name": "Dan",
        "language": "en",
        "last_seq": "7",
        "codecs": "opus,pcm16",
    }
    joined = up.join_from_query(keys)
    assert (joined.session, joined.name, joined.last_seq) == ("a", "Dan", 7)
    assert joined.codecs == ("opus", "pcm16")
    with pytest.raises(Refusal) as refused:
        up.join_from_query({"session": "a"})
    assert refused.value.close == protocol.CLOSE_BAD_JOIN


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("  Pierre \n Dupont ", "Pierre Dupont"),
        ("a\u202eb\u2066c\u200e", "abc"),
        ("\x00\x1b[31mred\x7f", "[31mred"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("e\u0301", "é"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_names_are_cleaned_of_what_turns_text_around(dirty: str, clean: str) -> None:
    assert protocol.clean(dirty, 64) == clean


@given(st.text(max_size=100), st.integers(1, 30))
def test_clean_text_is_one_short_line_and_stays_clean(text: str, limit: int) -> None:
    try:
        line = protocol.clean(text, limit)
    except Refusal as refusal:
        assert refusal.code in {"empty_text", "too_long"}
    else:
        assert 0 < len(line) <= limit
        assert line.isprintable() or not line.isascii()
        assert protocol.clean(line, limit) == line


@given(st.text(), st.integers(1, 10**9))
def test_numbering_keeps_the_message(text: str, seq: int) -> None:
    body = down.encode(down.Error("code", text.encode(errors="replace").decode()))
    message = json.loads(down.numbered(body, seq))
    assert message == {
        "seq": seq,
        "type": "error",
        "code": "code",
        "message": text.encode(errors="replace").decode(),
    }


def test_result_has_the_names_of_the_users_documents() -> None:
    result = down.Result("u", "s", "Pierre", "Bonjour", "Hello", "fr", "en", b"RIFF", "kokoro",
                             True, 1234, {})  # fmt: skip
    assert (
        json.loads(down.encode(result)).items()
        >= {
            "type": "result",
            "speaker_name": "Pierre",
            "speaker_id": "s",
            "translation": "Hello",
            "tts_audio": "UklGRg==",
            "tts_voice": "kokoro",
            "has_f5_pending": True,
            "latency_ms": 1234,
        }.items()
    )
