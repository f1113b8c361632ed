"""The gateway's end of laptops, without the rest of it: real sockets, voices of our making."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import websockets
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import ClientConnection

from babblefish.cloner import wire
from babblefish.cloner.base import Memory
from babblefish.gateway.accelerators import Accelerators
from babblefish.gateway.bus import CloneJob, MemoryBus
from babblefish.gateway.laptop import Laptop
from babblefish.settings import load
from babblefish.stage.door import Door, listen
from tests.support.laptop import TOKEN
from tests.support.ownvoices import ScriptedVoices

PATH = "/ws/tts-accelerator"


@dataclass
class Employer:
    """Where laptops dial, and what jobs are offered to."""

    url: str
    accelerators: Accelerators
    bus: MemoryBus
    voices: ScriptedVoices
    censuses: list[None] = field(default_factory=list)
    """One for every time that the operator would have been told."""

    def job(
        self, text: str = "va de frente", voice: str = "pierre", within_s: float = 5, **more: str
    ) -> CloneJob:
        """In a voice that said yes."""
        reference = self.voices.references.get(voice)
        chosen = {"id": uuid.uuid4().hex, "name": "Pierre", "language": "es", **more}
        return CloneJob(
            voice=voice,
            text=text,
            deadline=time.time() + within_s,
            reference=reference.id if reference else "none",
            **chosen,
        )

    async def ready(self, laptops: int) -> None:
        """Until so many may be asked."""
        await self.until(lambda: self.accelerators.equipped().laptops == laptops)

    async def until(self, condition: Callable[[], bool], deadline_s: float = 15) -> None:
        async with asyncio.timeout(deadline_s):
            while not condition():
                await asyncio.sleep(0.01)

    def the(self, name: str) -> Laptop:
        return next(laptop for laptop in self.accelerators.all if laptop.name == name)


@contextlib.asynccontextmanager
async def employing(**settings: object) -> AsyncIterator[Employer]:
    """On a free port, until the end of the block."""
    chosen = {"accelerator_token": TOKEN, **settings}
    loaded = load(
        [f"--{name.replace('_', '-')}={value}" for name, value in chosen.items() if value]
    )
    bus, voices, censuses = MemoryBus(), ScriptedVoices(), list[None]()
    accelerators = Accelerators(loaded, bus, voices, lambda: censuses.append(None))
    app = FastAPI()

    @app.websocket(PATH)
    async def dialled(socket: WebSocket) -> None:
        await accelerators.answer(socket)

    listening = listen("127.0.0.1", 0, "")
    door = Door(app, loaded, listening)
    url = f"ws://127.0.0.1:{listening.getsockname()[1]}{PATH}"
    async with accelerators.running():
        serving = asyncio.create_task(door.open())
        try:
            yield Employer(url, accelerators, bus, voices, censuses)
        finally:
            door.should_exit = True
            await serving


class RawLaptop:
    """Says just what it is told to say."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, message: wire.Up) -> None:
        await self.socket.send(wire.encode(message))

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next message of that type."""
        async with asyncio.timeout(10):
            while True:
                message: dict[str, Any] = msgspec.json.decode(await self.socket.recv())
                if message["type"] == kind:
                    return message

    async def hello(self, name: str = "raw", *voices: str) -> dict[str, Any]:
        """The welcome."""
        await self.say(wire.Hello(name, "cpu", Memory(), 1, {"es": "MIT"}, list(voices)))
        return await self.hears("welcome")

    async def closed(self) -> int:
        async with asyncio.timeout(10):
            await self.socket.wait_closed()
        return self.socket.close_code or 0


@contextlib.asynccontextmanager
async def dialled(url: str, token: str = TOKEN, **headers: str) -> AsyncIterator[RawLaptop]:
    """A line on which nothing was said yet."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    async with websockets.connect(
        url, additional_headers={**authorization, **named}, max_size=None
    ) as socket:
        yield RawLaptop(socket)


@contextlib.asynccontextmanager
async def raw_laptop(url: str, name: str = "raw") -> AsyncIterator[RawLaptop]:
    """One that is ready, and does nothing by itself."""
    async with dialled(url) as laptop:
        await laptop.hello(name)
        await laptop.say(wire.Ready())
        yield laptop
