"""A laptop and one gateway: from hello to good-bye."""

import asyncio

import msgspec
import pytest

from babblefish import audio
from babblefish.cloner import wire
from babblefish.cloner.wire import Cancel, Failure, Hello, Leaving, Ready, Result
from tests.accelerator.gateway import Gateway, Line, gateway, reference, request
from tests.support.laptop import Laptop, ScriptedCloner, laptop


async def test_it_says_what_it_is(server: Gateway, pierre: Laptop) -> None:
    line = await server.line()
    hello = await line.hear(Hello)
    assert (hello.device, hello.capacity) == ("scripted", 1)
    assert hello.languages == {"en": "MIT", "es": "MIT"}
    assert hello.memory.free == 3 << 30
    assert (hello.voices, hello.protocol) == ([], wire.PROTOCOL)
    assert not pierre.accelerator.ready
    await line.say(wire.Welcome([]))
    await line.hear(Ready)
    await pierre.ready()
    assert pierre.accelerator.ready


async def test_it_is_no_web_page_and_compresses_nothing(server: Gateway, line: Line) -> None:
    (call,) = server.calls
    assert "Origin" not in call.headers
    assert "Sec-WebSocket-Extensions" not in call.headers


async def test_it_says_a_sentence_in_the_voice_that_came_with_it(
    line: Line, pierre: Laptop
) -> None:
    asked = request(sent=reference())
    await line.say(asked)
    result = await line.hear(Result)
    assert (result.request_id, result.speaker_name) == (asked.request_id, "Pierre")
    assert audio.from_wav(result.audio, 60).seconds > 0.3
    ((text, language, heard),) = pierre.cloner.spoken
    assert (text, language, heard.id, heard.audio.seconds) == ("Good morning.", "en", "r1", 1.0)


async def test_a_voice_comes_once(line: Line) -> None:
    await line.say(request(sent=reference()))
    await line.hear(Result)
    await line.say(request())
    await line.hear(Result)


async def test_a_better_reference_takes_the_place_of_the_old_one(
    line: Line, pierre: Laptop
) -> None:
    await line.say(request(sent=reference("old")))
    await line.say(request(sent=reference("new")))
    await line.hear(Result)
    await line.hear(Result)
    assert pierre.cloner.spoken[-1][2].id == "new"
    await line.say(request(reference_id="old"))
    assert "not known" in (await line.hear(Failure)).message
    assert pierre.cloner.known == {"new"}


async def test_a_voice_that_never_came_is_not_known(line: Line, pierre: Laptop) -> None:
    await line.say(request())
    failure = await line.hear(Failure)
    assert "not known" in failure.message
    assert not failure.returned
    assert not pierre.cloner.spoken


async def test_it_does_as_many_at_a_time_as_it_said(server: Gateway) -> None:
    cloner = ScriptedCloner(capacity=2, held_up=asyncio.Event())
    async with laptop(server.url, cloner):
        line = await server.line()
        assert (await line.welcome()).capacity == 2
        for _ in range(5):
            await line.say(request(sent=reference()))
        while cloner.at_once < 2:
            await asyncio.sleep(0)
        assert cloner.held_up
        cloner.held_up.set()
        for _ in range(5):
            await line.hear(Result)


async def test_what_is_late_before_it_is_begun_is_never_begun(line: Line, pierre: Laptop) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(first := request(sent=reference()))
    await line.say(late := request(text="Too late.", deadline_ms=50))
    failure = await line.hear(Failure)
    assert (failure.request_id, failure.returned) == (late.request_id, False)
    pierre.cloner.held_up.set()
    assert (await line.hear(Result)).request_id == first.request_id
    assert [text for text, *_ in pierre.cloner.spoken] == ["Good morning."]


async def test_what_is_late_while_it_is_spoken_is_not_sent(line: Line, pierre: Laptop) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(request(sent=reference(), deadline_ms=50))
    assert "deadline" in (await line.hear(Failure)).message
    pierre.cloner.held_up.set()
    await line.say(second := request())
    assert getattr(await line.next(), "request_id", None) == second.request_id


@pytest.mark.parametrize("begun", [True, False])
async def test_what_is_cancelled_is_not_answered(line: Line, pierre: Laptop, begun: bool) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(first := request(sent=reference()))
    await line.say(second := request())
    await pierre.cloner.begun.wait()
    cancelled, other = (first, second) if begun else (second, first)
    await line.say(Cancel(cancelled.request_id))
    await line.say(Cancel("nobody's"))
    await line.say(third := request())
    await line.understood()
    pierre.cloner.held_up.set()
    heard = [(await line.hear(Result)).request_id for _ in range(2)]
    assert heard == [other.request_id, third.request_id]
    assert len(pierre.cloner.spoken) == (3 if begun else 2)


async def test_no_more_is_taken_on_than_fits(server: Gateway) -> None:
    cloner = ScriptedCloner(held_up=asyncio.Event())
    async with laptop(server.url, cloner, stage_queue=2):
        line = await server.welcomed()
        asked = [request(sent=reference()) for _ in range(3)]
        for each in asked:
            await line.say(each)
        failure = await line.hear(Failure)
        assert (failure.request_id, failure.returned) == (asked[2].request_id, True)


async def test_an_engine_that_fails_costs_the_sentence(line: Line, pierre: Laptop) -> None:
    pierre.cloner.fails = True
    await line.say(request(sent=reference()))
    failure = await line.hear(Failure)
    assert (failure.message, failure.returned) == ("Scripted.", False)
    pierre.cloner.fails = False
    await line.say(request())
    await line.hear(Result)


def sent(**changed: object) -> wire.ReferenceSent:
    return msgspec.structs.replace(reference(), **changed)


IMPOSSIBLE = {
    "another language": request(sent=reference(), language="tlh"),
    "a language that is none": request(sent=reference(), language="x" * 100_000),
    "no text": request(sent=reference(), text=""),
    "blanks": request(sent=reference(), text=" \n"),
    "a book": request(sent=reference(), text="a" * 100_000),
    "nobody": request(sent=reference(), speaker=""),
    "somebody too long": request(sent=reference(), speaker="p" * 65),
    "a reference without an id": request(sent=reference("")),
    "a reference with a long id": request(sent=reference("r" * 65)),
    "another reference": msgspec.structs.replace(request(sent=reference()), reference_id="r2"),
    "no time": request(sent=reference(), deadline_ms=-1),
    "a long reference": request(sent=reference(seconds=31)),
    "an empty reference": request(sent=reference(seconds=0)),
    "a huge adapter": request(sent=reference(adapter=bytes((8 << 20) + 1))),
    "no WAV": request(sent=sent(audio=b"RIFF")),
    "half a WAV": request(sent=sent(audio=reference().audio[:-1])),
    "a silent text": request(sent=sent(text="")),
    "a reference in no language": request(sent=sent(language="x" * 65)),
}


@pytest.mark.parametrize("asked", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
async def test_what_cannot_be_is_refused(line: Line, pierre: Laptop, asked: wire.Request) -> None:
    await line.say(asked)
    failure = await line.hear(Failure)
    assert failure.request_id == asked.request_id
    assert not pierre.cloner.spoken
    await line.say(request(sent=reference()))
    await line.hear(Result)


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "{}",
        "[" * 10_000,
        '{"type":"nonsense"}',
        '{"type":"tts_request"}',
        '{"type":"purge","speaker_ids":7}',
        wire.encode(wire.Welcome([])),
        wire.encode(request(request_id="i" * 65)),
        wire.encode(request(request_id=" ")).replace('" "', '""'),
    ],
    ids=range(9),
)
async def test_what_cannot_be_answered_is_ignored(line: Line, rubbish: str) -> None:
    await line.say(rubbish)
    await line.say(asked := request(sent=reference()))
    assert (await line.hear(Result)).request_id == asked.request_id


async def test_a_second_request_of_one_id_is_ignored(line: Line, pierre: Laptop) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(request(sent=reference(), request_id="same"))
    await line.say(request(request_id="same", text="Other."))
    await line.say(request(request_id="next"))
    await line.understood()
    pierre.cloner.held_up.set()
    assert [(await line.hear(Result)).request_id for _ in range(2)] == ["same", "next"]


async def test_told_to_stop_it_finishes_what_it_speaks_and_returns_the_rest(
    line: Line, pierre: Laptop
) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(first := request(sent=reference()))
    await line.say(second := request())
    await pierre.cloner.begun.wait()
    leaving = asyncio.create_task(pierre.leave())
    await line.hear(Leaving)
    returned = await line.hear(Failure)
    assert (returned.request_id, returned.returned) == (second.request_id, True)
    await line.say(third := request())
    returned = await line.hear(Failure)
    assert (returned.request_id, returned.returned) == (third.request_id, True)
    assert not pierre.accelerator.ready
    pierre.cloner.held_up.set()
    assert (await line.hear(Result)).request_id == first.request_id
    await line.closed()
    await leaving
    assert line.socket.close_code == 1000
    assert [text for text, *_ in pierre.cloner.spoken] == ["Good morning."]


async def test_told_to_stop_while_nobody_answers_it_is_gone_at_once() -> None:
    async with gateway() as server:
        gone = server.url
    async with laptop(gone) as alone, asyncio.timeout(1):
        await alone.leave()
