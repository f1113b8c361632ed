"""A synthesizer as a stage of its own."""

import statistics
from collections.abc import AsyncIterator

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.types import Receive, Scope, Send

from babblefish.audio import Audio
from babblefish.errors import StageError
from babblefish.settings import Settings
from babblefish.stage.service import Service, body, create_app
from babblefish.synthesizer import chooser, wire
from babblefish.synthesizer.base import Synthesizer

_SPEAK = msgspec.msgpack.Decoder(wire.SpeakRequest)


def build(settings: Settings) -> tuple[Service, FastAPI]:
    """The stage around the engine that the settings name; raises `EngineMissing`."""
    engine = chooser.build(settings.synthesizer, settings)
    service = Service("synthesizer", engine, lambda: abilities(engine), settings)
    return service, create_app(service, _routes(service, engine))


def abilities(engine: Synthesizer) -> wire.Abilities:
    """What callers may know before they ask."""
    speaks = {language: engine.engine(language) for language in engine.languages}
    usual = statistics.mode(speaks.values()) if speaks else ""
    others = {language: name for language, name in speaks.items() if name != usual}
    return wire.Abilities(usual, engine.languages, others)


def _routes(service: Service, engine: Synthesizer) -> APIRouter:
    routes = APIRouter()

    @routes.post("/speak")
    async def speak(request: Request) -> Response:
        asked = _SPEAK.decode(await body(request))
        pieces = engine.speak(asked.text, asked.language, asked.voice, asked.speaker)
        return _Speech(service, request, pieces)

    return routes


class _Speech(Response):
    """Sent piece by piece; what goes wrong before the first piece has its own status.

    All of it in one task, whose deadline ends the speech too.
    """

    def __init__(self, service: Service, request: Request, pieces: AsyncIterator[Audio]) -> None:
        super().__init__(headers=service.depth_header, media_type="audio/x-f32")
        del self.headers["content-length"]
        self._service = service
        self._request = request
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        try:
            async with self._service.taking(self._request, "speak"):
                async for piece in self._pieces:
                    if not begun:
                        begun = True
                        await self._begin(send)
                    await _send(send, wire.pack(piece), more=True)
        except (StageError, TimeoutError) as error:
            if begun:
                raise  # a body that is cut tells the caller
            await self._service.refusal(error)(scope, receive, send)
            return
        if not begun:
            await self._begin(send)
        await _send(send, b"", more=False)

    async def _begin(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)


async def _send(send: Send, data: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})
