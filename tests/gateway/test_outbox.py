import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babblefish.gateway.outbox import Outbox, Overflow, Worth
from babblefish.protocol.down import Error, encode

LEAN = encode(Error("result", "text"))
FULL = encode(Error("result", "text" + "speech" * 200))


async def drain(outbox: Outbox) -> list[dict[str, object]]:
    outbox.finish()
    messages = []
    while (text := await outbox.get()) is not None:
        messages.append(json.loads(text))
    return messages


async def test_messages_are_numbered_in_order() -> None:
    outbox = Outbox(10_000)
    for number in range(5):
        outbox.put(Error("code", str(number)))
    messages = await drain(outbox)
    assert [message["seq"] for message in messages] == [1, 2, 3, 4, 5]
    assert [message["message"] for message in messages] == list("01234")


async def test_speech_is_dropped_before_text() -> None:
    outbox = Outbox(3 * len(FULL))
    for _ in range(10):
        outbox.put_encoded(FULL, LEAN)
    messages = await drain(outbox)
    assert [message["seq"] for message in messages] == list(range(1, 11))
    spoken = ["speech" in str(message["message"]) for message in messages]
    assert spoken == sorted(spoken)  # what is left of the speech is the latest
    assert 0 < sum(spoken) <= 3


async def test_captions_go_first_then_cloned_voices_then_stock_voices() -> None:
    """What is shed to nothing keeps its number: whoever resumes misses none."""
    for room, left in ((4, "0123"), (3, "123"), (2, "23"), (1, "3")):
        outbox = Outbox(room * len(FULL) + 2 * len(LEAN))
        outbox.put_encoded(numbered_as("0"), b"", Worth.CAPTION)
        outbox.put_encoded(numbered_as("1"), b"", Worth.CLONED_VOICE)
        outbox.put_encoded(numbered_as("2"), LEAN, Worth.STOCK_VOICE)
        outbox.put_encoded(numbered_as("3"))
        heard = [str(message["message"]) for message in await drain(outbox)]
        assert [message[0] for message in heard if message != "text"] == list(left)
        assert outbox.rewind(0)


def numbered_as(number: str) -> bytes:
    return encode(Error("result", number + "speech" * 200))


async def test_text_that_piles_up_ends_the_line() -> None:
    outbox = Outbox(1000)
    for _ in range(100):
        outbox.put_encoded(LEAN)
    with pytest.raises(Overflow):
        await outbox.get()
    outbox.put_encoded(LEAN)
    with pytest.raises(Overflow):
        await outbox.get()


@given(st.lists(st.booleans(), max_size=60), st.integers(5_000, 20_000))
def test_the_bound_holds_whatever_is_put(speech: list[bool], limit: int) -> None:
    outbox = Outbox(limit)
    for spoken in speech:
        outbox.put_encoded(FULL if spoken else LEAN, LEAN if spoken else None)
        assert sum(len(entry.body) for entry in [*outbox._sent, *outbox._waiting]) <= limit
