"""What only the operator of this gateway may see: `/metrics`, `/sessions`, `/speakers`, and
`/accelerators`.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from itertools import groupby

from fastapi import APIRouter, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, SecretStr
from starlette.requests import HTTPConnection

from babblefish import metrics as gauges
from babblefish.gateway.laptop import Laptop
from babblefish.gateway.loopback import is_local
from babblefish.people import Person
from babblefish.registry.identity import Voice
from babblefish.registry.store import Kept


class PersonSeen(BaseModel):
    """A participant."""

    client_id: str
    name: str
    language: str


class SessionSeen(BaseModel):
    """A session and who is in it."""

    name: str
    participants: list[PersonSeen]


class SpeakerSeen(BaseModel):
    """A speaker that a session knows by voice, and how much was heard of them."""

    id: str
    name: str
    color: str
    utterances: int
    seconds: float
    model: str


class SessionHeard(BaseModel):
    """A session and whom it knows; the voices themselves are not told."""

    name: str
    speakers: list[SpeakerSeen]


class LaptopSeen(BaseModel):
    """A laptop that clones voices; memory in bytes, as it tells, pace in milliseconds a byte."""

    name: str
    device: str
    version: str
    ready: bool
    capacity: int
    languages: dict[str, str]
    memory_total: int
    memory_used: int
    queue: int
    voices: int
    pace_ms: float


class Guard:
    """Lets in the admin token, or this machine itself: not what a proxy on it forwards."""

    def __init__(self, admin_token: SecretStr | None) -> None:
        self._token = admin_token

    def __call__(self, request: Request) -> None:
        """Raises 403 for everybody else."""
        if not (has_token(request, self._token) or is_local(request)):
            raise HTTPException(403, "Send the admin token as `Authorization: Bearer …`.")


def has_token(caller: HTTPConnection, admin_token: SecretStr | None) -> bool:
    """Whether the caller has the admin token; nobody has one that is not set."""
    expected = admin_token.get_secret_value() if admin_token else ""
    scheme, _, token = caller.headers.get("authorization", "").partition(" ")
    matches = secrets.compare_digest(token.encode(), expected.encode())
    return bool(expected) and scheme.lower() == "bearer" and matches


def router(
    people: Callable[[], Awaitable[dict[str, list[Person]]]],
    voices: Callable[[], Awaitable[list[Kept]]],
    laptops: Callable[[], Awaitable[list[Laptop]]],
) -> APIRouter:
    """The addresses; who may ask is not decided here."""
    routes = APIRouter()

    @routes.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """For Prometheus."""
        gauges.TASKS.set(len(asyncio.all_tasks()))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/sessions")
    async def sessions() -> list[SessionSeen]:
        """Who is where."""
        return [
            SessionSeen(
                name=name,
                participants=[
                    PersonSeen(client_id=p.client_id, name=p.name, language=p.language)
                    for p in present
                ],
            )
            for name, present in (await people()).items()
        ]

    @routes.get("/speakers")
    async def speakers() -> list[SessionHeard]:
        """Who is known by voice."""
        return [
            SessionHeard(name=name, speakers=[_seen(kept.voice) for kept in known])
            for name, known in groupby(await voices(), key=lambda kept: kept.session.name)
        ]

    @routes.get("/accelerators")
    async def accelerators() -> list[LaptopSeen]:
        """Which laptops are connected here."""
        return [_laptop_seen(laptop) for laptop in await laptops()]

    return routes


def _laptop_seen(laptop: Laptop) -> LaptopSeen:
    hello, memory, workload = laptop.hello, laptop.memory, laptop.workload
    return LaptopSeen(
        name=laptop.name,
        device=hello.device,
        version=hello.version,
        ready=laptop.ready,
        capacity=hello.capacity,
        languages=hello.languages,
        memory_total=memory.total,
        memory_used=memory.used,
        queue=len(workload),
        voices=len(laptop.held),
        pace_ms=round(1000 * workload.pace(time.monotonic()), 1),
    )


def _seen(voice: Voice) -> SpeakerSeen:
    speaker = voice.speaker
    return SpeakerSeen(
        id=speaker.id,
        name=speaker.name,
        color=speaker.color,
        utterances=voice.utterances,
        seconds=round(voice.seconds, 1),
        model=voice.model,
    )
