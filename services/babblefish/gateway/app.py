"""The gateway: what it is made of, and its addresses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version

import psutil
from fastapi import APIRouter, Depends, FastAPI, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi_offline import FastAPIOffline
from msgspec import structs

from babblefish.bell import Bell
from babblefish.gateway import insight, install, voices
from babblefish.gateway.accelerators import Accelerators
from babblefish.gateway.admission import Admission
from babblefish.gateway.bus import Equipped, MemoryBus
from babblefish.gateway.cloning import Cloning
from babblefish.gateway.endpointing import Limits
from babblefish.gateway.engines import Engines
from babblefish.gateway.interpreter import Interpreter
from babblefish.gateway.laptop import Laptop
from babblefish.gateway.line import accepted
from babblefish.gateway.loopback import is_local
from babblefish.gateway.microphone import Ears
from babblefish.gateway.overseer import Overseer
from babblefish.gateway.page import Page
from babblefish.gateway.phone import Phone
from babblefish.gateway.quota import Quotas
from babblefish.gateway.seat import Exchange
from babblefish.gateway.seats import Seats
from babblefish.gateway.sessions import Sessions
from babblefish.gateway.speakers import Speakers
from babblefish.gateway.status import Health, LanguageLists, SpokenLanguages, Status
from babblefish.gateway.vad import VoiceDetector
from babblefish.people import Person
from babblefish.protocol import CLOSE_TOKEN, Refusal
from babblefish.registry import registry
from babblefish.registry.holdings import Purge
from babblefish.registry.store import FILE, Kept
from babblefish.settings import Settings
from babblefish.stage import cores
from babblefish.voices.account import Account


class Gateway:
    """Everything one gateway process is made of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.join_token = settings.token
        self.page = Page()
        self.engines = Engines(settings)
        self._quotas = Quotas(settings)
        self.admission = Admission(settings, self._quotas)
        self._bus = MemoryBus()
        self._census = Bell()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Started in this order, stopped in the other: what was said is seen through first."""
        settings = self.settings
        cores.report("gateway", settings)
        async with (
            self.engines.running() as engines,
            VoiceDetector() as detector,
            self._recognising() as speakers,
            self._cloning() as cloning,
        ):
            interpreter = Interpreter(
                engines.translator,
                engines.synthesizer,
                self._bus,
                settings.utterance_deadline_s,
            )
            sessions = Sessions(
                self._bus,
                speakers,
                adhoc=settings.adhoc_sessions,
                capacity=settings.max_participants,
                equipped=self._equipped,
            )
            ears = Ears(detector, interpreter, _limits(settings), settings.idle_ms / 1000, cloning)
            self._exchange = Exchange(
                settings, sessions, ears, engines, self._quotas, self._census, speakers
            )
            self._seats = Seats(self._exchange)
            self._sessions = sessions
            self.overseer = Overseer(
                sessions, self._seats, self._census, self._accelerators.equipped
            )
            yield
            await self._seats.close()
            await interpreter.close()

    async def answer(self, socket: WebSocket) -> None:
        """One phone calls."""
        async with accepted(socket, self.settings) as line:
            try:
                with self.admission.admitted(socket.headers, line.address) as trusted_page:
                    trusted = trusted_page and is_local(socket)
                    phone = Phone(self._exchange, self._seats, line, trusted=trusted)
                    await phone.talk(dict(socket.query_params))
            except Refusal as refusal:
                await line.hang_up(refusal)

    async def employ(self, socket: WebSocket) -> None:
        """One laptop calls."""
        await self._accelerators.answer(socket)

    async def laptops(self) -> list[Laptop]:
        """Those that are connected."""
        return self._accelerators.all

    async def people(self) -> dict[str, list[Person]]:
        """Who is in each session."""
        return await self._sessions.people()

    async def voices(self) -> list[Kept]:
        """Who is known by voice, in every session."""
        return await self._speakers.all()

    async def own_voices(self) -> list[Account]:
        """What is kept of who said yes to the cloning of their voice."""
        return await self._speakers.own.accounts()

    async def revoke(self, speaker_id: str) -> Purge | None:
        """What laptops say of the voice, of which nothing is left here; none if it said no yes."""
        gone = await self._speakers.own.revoke([speaker_id])
        return await self._speakers.own.confirmed(speaker_id) if gone else None

    def status(self) -> Status:
        """See `Status`; the first ones are what the user's documents show."""
        settings, languages = self.settings, self.engines.languages
        return Status(
            service="BabbleFish",
            clients=self.admission.phones,
            tts_accelerator="connected" if self._accelerators.equipped().laptops else None,
            cpu_threads=settings.threads or cores.available_cores(),
            models={
                "seamless": settings.translator == "local:seamless",
                "kokoro": "kokoro" in self.engines.voices.values(),
                "speaker": self.engines.speaker is not None,
            },
            cpu_usage=f"{psutil.cpu_percent():.0f}%",
            profile=settings.profile,
            translator=settings.translator,
            synthesizer=settings.synthesizer,
            languages=LanguageLists(**structs.asdict(languages)),
        )

    def languages(self) -> SpokenLanguages:
        """See `SpokenLanguages`."""
        return SpokenLanguages(**structs.asdict(self.engines.languages), voices=self.engines.voices)

    @contextlib.asynccontextmanager
    async def _recognising(self) -> AsyncIterator[Speakers]:
        settings, encoder = self.settings, self.engines.speaker
        file = settings.data_dir / FILE
        # Voices may be there from when there was a speaker stage: they must go with their sessions.
        path = file if encoder or file.exists() else None
        async with registry.opened(path, settings.consent_days) as known:
            speakers = Speakers(
                encoder,
                known,
                self._bus,
                settings.utterance_deadline_s,
                cloning=settings.voice_cloning,
            )
            self._speakers = speakers
            forgetting = asyncio.create_task(speakers.forget_abandoned(settings.resume_s))
            try:
                async with speakers.watching():
                    yield speakers
            finally:
                forgetting.cancel()
                await asyncio.gather(forgetting, return_exceptions=True)

    def _equipped(self) -> Equipped | None:
        """For phones: where nobody is known by voice, nobody is cloned."""
        return self._accelerators.equipped() if self.engines.speaker else None

    @contextlib.asynccontextmanager
    async def _cloning(self) -> AsyncIterator[Cloning]:
        settings, own = self.settings, self._speakers.own
        self._accelerators = Accelerators(settings, self._bus, own, self._census.ring)
        allowed = self._speakers.consents.allows
        cloning = Cloning(self._bus, own, allowed, settings.clone_deadline_s)
        async with self._accelerators.running():
            try:
                yield cloning
            finally:
                await cloning.close()


class GatewayApps:
    """One gateway's addresses: for phones, and on a port of their own for whoever runs it."""

    def __init__(self, settings: Settings) -> None:
        """Raises `EngineMissing`."""
        self._gateway = gateway = Gateway(settings)
        # Plain FastAPI's `/docs` fetches its script from a third party's server.
        self.phones = FastAPIOffline(
            title="BabbleFish", version=version("babblefish"), redoc_url=None
        )
        self.phones.include_router(_public(gateway))
        self.phones.include_router(_probes(gateway))
        guard = insight.Guard(settings.admin_token)
        told = insight.router(gateway.people, gateway.voices, gateway.laptops)
        self.phones.include_router(told, dependencies=[Depends(guard)])
        own = voices.router(gateway.own_voices, gateway.revoke)
        self.phones.include_router(own, dependencies=[Depends(guard)])
        self.phones.include_router(install.router(settings))
        self.admin = FastAPI(docs_url=None, redoc_url=None)
        self.admin.include_router(_probes(gateway))
        self.admin.include_router(told)
        self.admin.include_router(own)
        self.admin.include_router(_operators(gateway))

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """See `Gateway.running`."""
        return self._gateway.running()


def _public(gateway: Gateway) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/", methods=["GET", "HEAD"], response_model=Status)
    async def root(request: Request) -> Response:
        """The page to a browser, the status to everything else."""
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(gateway.page.html, headers=gateway.page.headers)
        return JSONResponse(gateway.status().model_dump(), headers={"Vary": "Accept"})

    @routes.get("/languages")
    async def languages() -> SpokenLanguages:
        """What is understood, written, read and heard here."""
        return gateway.languages()

    @routes.websocket("/ws/client")
    async def client(socket: WebSocket) -> None:
        await gateway.answer(socket)

    @routes.websocket("/ws/tts-accelerator")
    async def accelerator(socket: WebSocket) -> None:
        await gateway.employ(socket)

    return routes


def _operators(gateway: Gateway) -> APIRouter:
    routes = APIRouter()

    @routes.websocket("/operator")
    async def operator(socket: WebSocket) -> None:
        """Nobody is answered where there is no admin token."""
        if insight.has_token(socket, gateway.settings.admin_token):
            await gateway.overseer.answer(socket)
        else:
            await socket.close(CLOSE_TOKEN)

    return routes


def _probes(gateway: Gateway) -> APIRouter:
    routes = APIRouter()

    @routes.get("/health")
    async def health() -> Health:
        """The process answers."""
        return Health(status="ok")

    @routes.get("/ready", responses={503: {"model": Health}})
    async def ready(response: Response) -> Health:
        """The engines are warm."""
        if not gateway.engines.ready:
            response.status_code = 503
            return Health(status="engines are warming up")
        return Health(status="ready")

    return routes


def _limits(settings: Settings) -> Limits:
    return Limits(
        threshold=settings.voice_threshold,
        pause_ms=settings.pause_ms,
        endpoint_ms=settings.endpoint_ms,
        min_voice_ms=settings.min_voice_ms,
        max_utterance_ms=1000 * settings.max_utterance_s,
    )
