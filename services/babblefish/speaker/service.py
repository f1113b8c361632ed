"""A speaker encoder as a stage of its own."""

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response

from babblefish.audio import Samples
from babblefish.settings import Settings
from babblefish.speaker import wire
from babblefish.speaker.base import NoVoice, SpeakerEncoder
from babblefish.stage import engines
from babblefish.stage.service import Service, body, create_app


def build(settings: Settings) -> tuple[Service, FastAPI]:
    """The stage around the engine that the settings name; raises `EngineMissing`."""
    engine: SpeakerEncoder = engines.build("speaker", settings.speaker, settings)
    service = Service("speaker", engine, lambda: abilities(engine), settings)
    return service, create_app(service, _routes(service, engine))


def abilities(engine: SpeakerEncoder) -> wire.Abilities:
    """What callers may know before they ask."""
    return wire.Abilities(engine.model, engine.threshold)


def _routes(service: Service, engine: SpeakerEncoder) -> APIRouter:
    routes = APIRouter()

    @routes.post("/embed")
    async def embed(request: Request) -> Response:
        speech = _speech(await body(request, wire.MOST_BYTES))
        async with service.taking(request, "embed"):
            try:
                return service.answer(wire.pack(await engine.embed(speech)))
            except NoVoice:  # an answer: no other replica would find one
                return service.answer(b"")

    return routes


def _speech(sent: bytes) -> Samples:
    try:
        return wire.unpack(sent)
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from error
