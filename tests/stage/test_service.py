"""A stage behind HTTP: what it answers, what it refuses, how it goes."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import httpx
import msgspec
import pytest
import websockets

from babblefish.errors import StageDown
from babblefish.settings import load
from babblefish.stage.cores import available_cores
from babblefish.stage.service import Service
from babblefish.stage.wire import DEADLINE_HEADER, DEPTH_HEADER, About, Failure
from babblefish.synthesizer.wire import SpeakRequest
from babblefish.translator.wire import Finish, TextRequest
from tests.gateway.test_insight import figures
from tests.support import speech
from tests.support.http import plain
from tests.support.stages import Stage, staged

CASA = msgspec.msgpack.encode(TextRequest("casa", "es", ["en"]))
SAID = speech.utterance(speech.go_forward()).astype("<f4").tobytes()


@pytest.fixture(scope="module")
def translator() -> Iterator[Stage]:
    with staged("translator", threads=1, stage_queue=2) as running:
        yield running


def listen_url(stage: Stage) -> str:
    return f"{stage.url.replace('http', 'ws')}/listen?source=en&speaker=dan"


def test_it_says_what_it_is(translator: Stage) -> None:
    about = msgspec.json.decode(translator.get("/about").content, type=About)
    assert (about.stage, about.ready, about.depth) == ("translator", True, 0)
    assert b'"en"' in bytes(about.abilities)
    assert translator.get("/health").status_code == 200


def test_it_counts_what_it_does(translator: Stage) -> None:
    answer = plain.post(f"{translator.url}/translate", content=CASA)
    assert msgspec.msgpack.decode(answer.content) == {"en": "House"}
    assert answer.headers[DEPTH_HEADER] == "1"
    seen = figures(translator.get("/metrics").text)
    assert seen["babblefish_stage_requests_total.translate.ok.translator"] >= 1
    assert seen["babblefish_stage_depth.translator"] == 0
    assert seen["babblefish_stage_ready.translator"] == 1
    assert seen["babblefish_stage_cores.translator"] == available_cores()


def test_a_deadline_that_cannot_be_met_is_late(translator: Stage) -> None:
    url = f"{translator.url}/translate"
    answer = plain.post(url, content=CASA, headers={DEADLINE_HEADER: "0"})
    assert answer.status_code == 504
    assert msgspec.msgpack.decode(answer.content, type=Failure).kind == "late"


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"\xc1", b"{}", msgspec.msgpack.encode(["a", 3]), b"x" * (1 << 19), CASA + b"more"],
)
@pytest.mark.parametrize("path", ["/translate", "/prepare"])
def test_rubbish_is_refused(translator: Stage, path: str, rubbish: bytes) -> None:
    answer = plain.post(translator.url + path, content=rubbish)
    assert answer.status_code == 400
    assert msgspec.msgpack.decode(answer.content, type=Failure).kind == "bad"


@pytest.mark.parametrize(
    "rubbish", ["", "{}", '{"type":"finish"}', '{"type":"nonsense","id":1}', b"odd", "[" * 9999]
)
async def test_rubbish_on_a_stream_ends_only_that_stream(
    translator: Stage, rubbish: str | bytes
) -> None:
    async with websockets.connect(listen_url(translator)) as socket:
        await socket.send(rubbish)
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert socket.close_code == 1008
    assert translator.get("/health").status_code == 200


async def test_no_more_is_taken_on_than_fits(translator: Stage) -> None:
    async with (
        websockets.connect(listen_url(translator)) as first,
        websockets.connect(listen_url(translator)) as second,
    ):
        for socket in (first, second):  # an answer means that it was taken on
            await socket.send('{"type":"partial","id":1}')
            await socket.recv()
        async with websockets.connect(listen_url(translator)) as third:
            await asyncio.wait_for(third.wait_closed(), 5)
            assert (third.close_code, third.close_reason) == (1013, "busy")
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{translator.url}/translate", content=CASA)
        assert answer.status_code == 503
        assert msgspec.msgpack.decode(answer.content, type=Failure).kind == "busy"


async def test_what_nobody_waits_for_any_more_is_let_go(translator: Stage) -> None:
    async with websockets.connect(listen_url(translator)) as socket:
        await socket.send(SAID)
        socket.transport.abort()
    async with asyncio.timeout(5), httpx.AsyncClient() as http:
        while (await http.get(f"{translator.url}/about")).json()["depth"]:
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_it_goes_when_what_it_has_is_done() -> None:
    with staged("translator", threads=1) as stage:
        async with websockets.connect(listen_url(stage)) as socket:
            await socket.send(SAID)
            await socket.send('{"type":"partial","id":1}')
            await socket.recv()
            stage.process.terminate()
            async with httpx.AsyncClient() as http, asyncio.timeout(5):
                while (await http.get(f"{stage.url}/ready")).status_code == 200:
                    await asyncio.sleep(0.01)
                refused = await http.post(f"{stage.url}/translate", content=CASA)
            assert refused.status_code == 503
            await socket.send(msgspec.json.encode(Finish(2, ["es"])).decode())
            assert "Va de frente diez metros" in str(await socket.recv())
        assert await asyncio.to_thread(stage.process.wait, 5) == 0


class Broken:
    """An engine whose model is not there."""

    async def start(self) -> None:
        raise StageDown("No model.", "Load one.")

    async def stop(self) -> None: ...


async def test_an_engine_that_cannot_start_ends_the_stage() -> None:
    service, ending = Service("translator", Broken(), dict, load()), asyncio.Event()
    with pytest.raises(StageDown, match="No model"):
        async with service.running(ending):
            await asyncio.wait_for(ending.wait(), 5)
    assert not service.desk.ready


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cook"], "There is no stage 'cook'. There is translator, synthesizer, speaker."),
        (["translator", "--translator", "local:none"], "There is no translator 'local:none' here."),
    ],
)
def test_a_stage_that_is_not_there_is_one_line_that_says_so(
    arguments: list[str], said: str
) -> None:
    command = [sys.executable, "-m", "babblefish", "stage", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
async def test_speech_streams_piece_by_piece() -> None:
    with staged("synthesizer") as stage:
        text = "One two three. " * 40
        body = msgspec.msgpack.encode(SpeakRequest(text, "en"))
        async with (
            httpx.AsyncClient() as http,
            http.stream("POST", f"{stage.url}/speak", content=body) as answer,
        ):
            assert answer.headers["content-type"] == "audio/x-f32"
            parts = [part async for part in answer.aiter_raw()]
        assert len(parts) > 10
        body = msgspec.msgpack.encode(SpeakRequest("hello", "en", "xx/none"))
        async with httpx.AsyncClient() as http:
            refused = await http.post(f"{stage.url}/speak", content=body)
        assert refused.status_code == 500
        assert "no voice" in msgspec.msgpack.decode(refused.content, type=Failure).happened
