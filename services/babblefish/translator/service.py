"""A translator as a stage of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket, WebSocketDisconnect

from babblefish.errors import StageError
from babblefish.settings import Settings
from babblefish.stage import deadline, engines
from babblefish.stage.service import Service, body, create_app
from babblefish.stage.wire import Failure
from babblefish.telemetry import log
from babblefish.translator import wire
from babblefish.translator.base import SpeechStream, Translator

TRY_ELSEWHERE = 1013
POLICY = 1008

_MAX_ASKED = 16
_LONGEST_S = 180.0
_LANGUAGES = msgspec.msgpack.Decoder(list[str])
_TEXT = msgspec.msgpack.Decoder(wire.TextRequest)
_REQUEST = msgspec.json.Decoder(wire.Request)

_log = log(__name__)


def build(settings: Settings) -> tuple[Service, FastAPI]:
    """The stage around the engine that the settings name; raises `EngineMissing`."""
    engine: Translator = engines.build("translator", settings.translator, settings)
    service = Service("translator", engine, lambda: abilities(engine), settings)
    return service, create_app(service, _routes(service, engine))


def abilities(engine: Translator) -> wire.Abilities:
    """What callers may know before they ask."""
    speech, text = engine.speech_languages, engine.text_languages
    return wire.Abilities(speech, text, {code: engine.reachable(code) for code in speech | text})


def _routes(service: Service, engine: Translator) -> APIRouter:
    routes = APIRouter()

    @routes.post("/translate")
    async def translate(request: Request) -> Response:
        asked = _TEXT.decode(await body(request))
        async with service.taking(request, "translate"):
            texts = await engine.translate_text(asked.text, asked.source, asked.targets)
            return service.answer(msgspec.msgpack.encode(texts))

    @routes.post("/prepare")
    async def prepare(request: Request) -> Response:
        engine.prepare(_LANGUAGES.decode(await body(request)))
        return service.answer(b"")

    @routes.websocket("/listen")
    async def listen(socket: WebSocket, source: str, speaker: str) -> None:
        await socket.accept()
        try:
            async with (
                service.desk.taking("listen", _LONGEST_S),
                _listening(service, engine.open(source, speaker), socket) as listening,
            ):
                await listening.converse()
        except StageError as error:
            await socket.close(TRY_ELSEWHERE, Failure.of(error).kind)
        except (TimeoutError, ValueError) as error:
            await socket.close(POLICY, type(error).__name__)

    return routes


@contextlib.asynccontextmanager
async def _listening(
    service: Service, stream: SpeechStream, socket: WebSocket
) -> AsyncIterator["_Listening"]:
    listening = _Listening(service, stream, socket)
    try:
        yield listening
    finally:
        await listening.close()
        await stream.close()


class _Listening:
    """One caller's utterance."""

    def __init__(self, service: Service, stream: SpeechStream, socket: WebSocket) -> None:
        self._service = service
        self._stream = stream
        self._socket = socket
        self._asked: dict[int, asyncio.Task[None]] = {}

    async def converse(self) -> None:
        """Until the caller hangs up; raises `ValueError` for what none of ours sends."""
        while (message := await self._socket.receive())["type"] != "websocket.disconnect":
            if speech := message.get("bytes"):
                await self._stream.feed(wire.unpack(speech))
            else:
                await self._obey(_REQUEST.decode(message.get("text") or ""))

    async def close(self) -> None:
        """Answers nothing more."""
        await _cancelled(*self._asked.values())

    async def _obey(self, request: wire.Request) -> None:
        if isinstance(request, wire.Cancel):
            if asked := self._asked.get(request.id):
                await _cancelled(asked)
            return
        if len(self._asked) >= _MAX_ASKED:
            raise ValueError("asks more than anybody waits for")
        self._asked[request.id] = task = asyncio.create_task(self._answer(request))
        task.add_done_callback(lambda _: self._asked.pop(request.id, None))

    async def _answer(self, request: wire.Partial | wire.Finish) -> None:
        try:
            answer = await self._answered(request)
        except Exception as error:  # noqa: BLE001 the caller is told
            failure = Failure.of(error)
            if failure.kind == "failed":
                _log.error("listening_failed", exc_info=error)
            answer = wire.Answer(request.id, self._service.desk.depth, failure=failure)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # nobody there any more
            await self._socket.send_text(msgspec.json.encode(answer).decode())

    async def _answered(self, request: wire.Partial | wire.Finish) -> wire.Answer:
        depth = self._service.desk.depth
        if isinstance(request, wire.Partial):
            return wire.Answer(request.id, depth, partial=await self._stream.partial())
        async with deadline.within(self._service.seconds(request.deadline_ms)):
            translation = await self._stream.finish(request.targets)
        return wire.Answer(request.id, depth, translation=translation)


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
