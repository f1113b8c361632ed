"""`/ws/client` as a phone meets it: a real gateway, real sockets, real engines."""

import asyncio
import base64
import contextlib
import io
import json
import wave
from contextlib import AsyncExitStack

import httpx
import numpy as np
import psutil
import pytest
import websockets

from babblefish.audio import SAMPLE_RATE, Samples
from tests.support import speech
from tests.support.phone import Message, Phone, connected, joined
from tests.support.server import Server, serving

SPANISH = "Va de frente diez metros"
FRENCH = "Il va de front dix mètres"


@pytest.fixture
def said() -> Samples:
    """“go forward ten meters”, then a second of silence."""
    return np.concatenate([speech.go_forward(), speech.silence(1)])


def seconds(message: Message) -> float:
    """How long the message's WAV plays; it is decoded to the last sample."""
    with wave.open(io.BytesIO(base64.b64decode(message["tts_audio"]))) as file:
        assert len(file.readframes(file.getnframes())) == 2 * file.getnframes()
        return float(file.getnframes() / file.getframerate())


async def three_phones(stack: AsyncExitStack, url: str, session: str) -> tuple[Phone, Phone, Phone]:
    dan = await stack.enter_async_context(joined(url, session, "Dan", "en"))
    ana = await stack.enter_async_context(joined(url, session, "Ana", "es"))
    guy = await stack.enter_async_context(joined(url, session, "Guy", "fr"))
    return dan, ana, guy


@pytest.mark.parametrize("packets", ["real time", "one frame", "crumbs"])
@pytest.mark.slow
async def test_what_is_said_is_heard_in_every_language(
    server: Server, session: str, said: Samples, packets: str
) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, guy = await three_phones(stack, server.ws, session)
        if packets == "real time":
            await dan.stream(said)
        else:
            clip = speech.go_forward()
            await dan.burst(clip, 2 * len(clip) if packets == "one frame" else 5)
        spanish, french = await ana.receive("result"), await guy.receive("result")
        await dan.receive("partial", final=True)
        assert dan.all("result") == []
    assert (spanish["translation"], french["translation"]) == (SPANISH, FRENCH)
    for result, language in ((spanish, "es"), (french, "fr")):
        assert result["transcript"] == "Go forward ten meters"
        assert (result["speaker_name"], result["source_language"]) == ("Dan", "en")
        assert (result["target_language"], result["tts_voice"]) == (language, "espeak")
        assert result["has_f5_pending"] is False
        assert result["stages"].keys() == {"endpoint", "recognise", "translate", "synthesize"}
        assert 0.8 < seconds(result) < 4


@pytest.mark.slow
async def test_captions_show_what_is_being_said_to_everybody(
    server: Server, session: str, said: Samples
) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, _ = await three_phones(stack, server.ws, session)
        await dan.stream(said)
        await ana.receive("result")
        await dan.receive("partial", final=True)
        for phone in (dan, ana):
            captions = phone.all("partial")
            assert [caption["final"] for caption in captions] == [False] * (len(captions) - 1) + [
                True
            ]
            assert len(captions) >= 3
            assert {caption["language"] for caption in captions} == {"en"}
            assert captions[-1]["text"] == "Go forward ten meters"
            assert len({caption["utterance_id"] for caption in captions}) == 1


async def test_end_of_speech_ends_the_utterance_at_once(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, _ = await three_phones(stack, server.ws, session)
        await dan.burst(speech.go_forward()[: round(2.2 * SAMPLE_RATE)], 640)
        await dan.send(type="end_of_speech")
        assert (await ana.receive("result"))["transcript"].startswith("Go forward ten")


async def test_what_was_said_before_hanging_up_is_still_heard(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context(joined(server.ws, session, "Ana", "es"))
        async with joined(server.ws, session, "Dan", "en") as dan:
            await dan.burst(speech.go_forward()[: round(2.2 * SAMPLE_RATE)], 640)
            await dan.receive("partial", final=False)
            dan.socket.transport.abort()
        assert (await ana.receive("result"))["speaker_name"] == "Dan"


@pytest.mark.slow
async def test_two_people_at_once_are_both_heard(
    server: Server, session: str, said: Samples
) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, _ = await three_phones(stack, server.ws, session)
        bob = await stack.enter_async_context(joined(server.ws, session, "Bob", "en"))
        other = np.concatenate([speech.numbers(), speech.silence(1)])
        await asyncio.gather(dan.stream(said), bob.stream(other))
        results = [await ana.receive("result") for _ in range(2)]
        assert {(result["speaker_name"], result["transcript"]) for result in results} == {
            ("Dan", "Go forward ten meters"),
            ("Bob", "Thirty three four or six ninety two"),
        }
        assert (await bob.receive("result"))["tts_audio"] is None  # Dan's transcript


async def test_typed_text_is_heard_and_shown(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, guy = await three_phones(stack, server.ws, session)
        await ana.send(type="text", text="¿Dónde está la casa?")
        english, french = await dan.receive("result"), await guy.receive("result")
        own = await ana.receive("partial", final=True)
    assert english["translation"] == "Where it is the house?"
    assert seconds(english) > 0.5
    assert french["source_language"] == "es"
    assert own["text"] == "¿Dónde está la casa?"


async def test_joined_tells_what_this_server_can(server: Server, session: str) -> None:
    async with connected(server.ws) as phone:
        await phone.send(
            type="join", session=session, name="Dan", language="eng_Latn",
            codecs=["opus", "pcm16"], audio="binary", resume="old", consent="voice",
        )  # fmt: skip
        told = await phone.receive("joined")
    assert told["protocol"] == 1
    assert told["participants"] == [
        {
            "client_id": told["client_id"],
            "name": "Dan",
            "language": "en",
            "voice": 0,
            "color": "#0280f7",
            "named": "phone",
        }
    ]
    assert (told["codec"], told["audio"], told["received"]) == ("pcm16", "base64", 0)
    assert told["capabilities"] == {
        "codecs": ["pcm16"],
        "binary_audio": False,
        "cloning": False,
        "partials": True,
        "resume": True,
    }
    languages = told["languages"]
    assert languages["speak"] == ["en"]
    assert {"ca", "en", "es", "fr", "gl", "it", "pt"} <= set(languages["read"])
    assert "gl" not in languages["hear"]  # espeak-ng has no Galician voice: no choice is a lie
    assert "pl" not in languages["read"]


async def test_simple_clients_join_by_the_address(server: Server, session: str) -> None:
    query = f"?session={session}&name=Ana%20Mar%C3%ADa&language=es"
    async with connected(server.ws + query) as phone:
        assert (await phone.receive("joined"))["participants"][0]["name"] == "Ana María"
    async with connected(f"{server.ws}?session={session}&name=Ana") as phone:
        assert "language" in (await phone.receive("error"))["message"]
        assert (await phone.closed())[0] == 4400


async def test_everybody_learns_who_comes_changes_and_goes(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        async with joined(server.ws, session, "Ana", "es") as ana:
            await dan.receive("participants")
            assert names(await dan.receive("participants")) == [("Dan", "en"), ("Ana", "es")]
            await ana.send(type="set_language", language="fra_Latn")
            assert names(await dan.receive("participants")) == [("Dan", "en"), ("Ana", "fr")]
            await ana.send(type="set_name", name=" Ana\u202e \x07María ")
            assert names(await dan.receive("participants")) == [("Dan", "en"), ("Ana María", "fr")]
            await ana.send(type="leave")
            assert (await ana.closed())[0] == 1000
        assert names(await dan.receive("participants")) == [("Dan", "en")]


def names(told: Message) -> list[tuple[str, str]]:
    return [(person["name"], person["language"]) for person in told["participants"]]


async def test_who_changes_the_language_hears_the_new_one(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, _ = await three_phones(stack, server.ws, session)
        await ana.send(type="set_language", language="it")
        await asyncio.wait_for(_until_italian(dan), 5)
        await dan.send(type="text", text="Good night")
        assert (await ana.receive("result"))["target_language"] == "it"


async def _until_italian(phone: Phone) -> None:
    while ("Ana", "it") not in names(await phone.receive("participants")):
        pass


async def test_sessions_do_not_hear_each_other(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, _ = await three_phones(stack, server.ws, session)
        eva = await stack.enter_async_context(joined(server.ws, session + "-b", "Eva", "es"))
        await dan.send(type="text", text="Good night")
        await ana.receive("result")
        assert {message["type"] for message in eva.told} == {"joined", "participants"}


async def test_every_message_down_is_numbered(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, _ = await three_phones(stack, server.ws, session)
        await dan.send(type="text", text="Good night")
        await ana.receive("result")
        await ana.send(type="ping", id=7)
        assert (await ana.receive("pong"))["id"] == 7
        assert [message["seq"] for message in ana.told] == list(range(1, len(ana.told) + 1))


# ── bad manners ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "code", "close"),
    [
        ({"language": "pl"}, "unsupported_language", 4415),
        ({"language": "xx-nonsense-xx"}, "unsupported_language", 4415),
        ({"name": "x" * 300}, "too_long", 4400),
        ({"name": " \u202e\x00 "}, "empty_text", 4400),
        ({"codecs": ["mp3"]}, "unsupported_codec", 4400),
    ],
)
async def test_a_join_that_cannot_be_taken_says_what_can(
    server: Server, session: str, change: dict[str, object], code: str, close: int
) -> None:
    async with connected(server.ws) as phone:
        await phone.send(
            **{"type": "join", "session": session, "name": "Dan", "language": "en", **change}
        )
        error = await phone.receive("error")
        assert error["code"] == code
        assert (await phone.closed()) == (close, code)


async def test_a_bad_message_costs_nothing_but_itself(server: Server, session: str) -> None:
    bad: list[tuple[str | bytes, str]] = [
        ("{", "bad_json"),
        ("", "bad_json"),
        ('{"type":"dance"}', "unknown_type"),
        ('{"type":"text"}', "bad_message"),
        ('{"type":"text","text":"\\u202e \\u0000"}', "empty_text"),
        (json.dumps({"type": "text", "text": "x" * 5000}), "too_long"),
        ('{"type":"set_language","language":"pl"}', "unsupported_language"),
        ('{"type":"join","session":"a","name":"b","language":"en"}', "already_joined"),
        ('{"type":"consent","consent":"voice"}', "no_cloning"),
        (bytes(2 << 20), "too_big"),
    ]
    async with joined(server.ws, session, "Dan", "en") as dan:
        for message, code in bad:
            await dan.socket.send(message)
            assert (await dan.receive("error"))["code"] == code
        await dan.send(type="ping")
        await dan.receive("pong")


async def test_a_phone_that_never_learns_is_cut_off(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        for _ in range(30):
            await dan.socket.send("rubbish")
        assert (await dan.closed())[0] == 1008


async def test_audio_before_the_join_is_refused(server: Server, session: str) -> None:
    async with connected(server.ws) as phone:
        await phone.socket.send(bytes(640))
        assert (await phone.receive("error"))["code"] == "not_joined"
        await phone.send(type="join", session=session, name="Dan", language="en")
        await phone.receive("joined")


async def test_audio_faster_than_anybody_talks_is_refused(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en") as dan:
        await dan.burst(speech.silence(40), 64_000)
        assert (await dan.receive("error"))["code"] == "too_fast"
        await dan.send(type="ping")
        await dan.receive("pong")


async def test_speech_that_nothing_understands_is_refused_once(
    server: Server, session: str
) -> None:
    async with joined(server.ws, session, "Guy", "fr") as guy:
        for _ in range(60):
            await guy.socket.send(bytes(640))
        await guy.send(type="ping")
        await guy.receive("pong")
        (error,) = guy.all("error")
        assert error["code"] == "unsupported_speech"


async def test_html_in_a_name_or_text_is_only_text(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan = await stack.enter_async_context(joined(server.ws, session, "<b>Dan</b>", "en"))
        ana = await stack.enter_async_context(joined(server.ws, session, "Ana", "es"))
        await dan.send(type="text", text="<script>alert(1)</script> house")
        result = await ana.receive("result")
        assert result["speaker_name"] == "<b>Dan</b>"
        assert result["transcript"] == "<script>alert(1)</script> house"


async def test_a_page_of_another_origin_is_refused(server: Server) -> None:
    async with connected(server.ws, Origin="https://evil.example") as phone:
        assert (await phone.receive("error"))["code"] == "foreign_origin"
        assert (await phone.closed())[0] == 4403


@pytest.mark.slow
async def test_limits_on_sessions_phones_and_time(session: str) -> None:
    with serving(max_participants=2, max_phones=3, join_timeout_s=1, adhoc_sessions=True) as small:
        async with AsyncExitStack() as stack:
            for name in ("Dan", "Ana"):
                await stack.enter_async_context(joined(small.ws, session, name, "en"))
            full = await stack.enter_async_context(connected(small.ws))
            await full.send(type="join", session=session, name="Eva", language="es")
            assert (await full.receive("error"))["code"] == "session_full"
            assert (await full.closed())[0] == 4429
            late = await stack.enter_async_context(connected(small.ws))
            more = await stack.enter_async_context(connected(small.ws))
            assert (await more.receive("error"))["code"] == "server_full"
            assert (await late.receive("error"))["code"] == "join_timeout"
            assert (await late.closed())[0] == 4408


@pytest.mark.slow
async def test_without_adhoc_sessions_an_unknown_one_is_refused(session: str) -> None:
    with serving(adhoc_sessions=False, warm_up=False) as strict:
        async with connected(strict.ws) as phone:
            await phone.send(type="join", session=session, name="Dan", language="en")
            assert (await phone.receive("error"))["code"] == "unknown_session"
            assert (await phone.closed())[0] == 4404


@pytest.mark.slow
async def test_a_listener_that_does_not_read_holds_up_nobody(session: str) -> None:
    with serving(send_timeout_s=2) as strict:
        async with AsyncExitStack() as stack:
            dan = await stack.enter_async_context(joined(strict.ws, session, "Dan", "en"))
            ana = await stack.enter_async_context(joined(strict.ws, session, "Ana", "es"))
            deaf = await stack.enter_async_context(_deaf(strict.ws, session))
            for number in range(12):
                await dan.send(type="text", text=f"This is the sentence number {number}. " * 20)
                await ana.receive("result")
            await _until_connected(strict, 2)
            assert ana.all("result")[-1]["tts_audio"] is not None
            deaf.transport.abort()


async def _until_connected(server: Server, phones: int) -> None:
    """The deaf phone is told nothing of its end: only the gateway can be asked."""
    async with httpx.AsyncClient(base_url=server.http) as http, asyncio.timeout(20):
        while (await http.get("/")).json()["clients"] != phones:
            await asyncio.sleep(0.1)


def _deaf(url: str, session: str) -> websockets.connect:
    """A phone that joins and never reads again."""
    return websockets.connect(
        f"{url}?session={session}&name=Deaf&language=es", max_queue=1, max_size=None
    )


async def test_silence_is_answered_with_silence(server: Server, session: str) -> None:
    async with AsyncExitStack() as stack:
        dan, ana, _ = await three_phones(stack, server.ws, session)
        await dan.burst(speech.silence(20), 32_000)
        await dan.send(type="end_of_speech")
        await dan.send(type="text", text="house")
        assert (await ana.receive("result"))["transcript"] == "house"
        assert len(ana.all("result")) == 1


@pytest.mark.slow
async def test_an_engine_that_is_killed_costs_no_sentence(session: str) -> None:
    with serving(threads=1) as fragile:
        async with AsyncExitStack() as stack:
            dan, ana, _ = await three_phones(stack, fragile.ws, session)
            await dan.send(type="text", text="house")
            await ana.receive("result")
            children = fragile.children
            first, second = np.array_split(speech.go_forward(), 2)
            await dan.stream(first)
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):  # it died of its neighbour's death
                    child.kill()
            await dan.stream(second)
            result = await ana.receive("result")
            assert (result["transcript"], result["translation"]) == (
                "Go forward ten meters",
                SPANISH,
            )
