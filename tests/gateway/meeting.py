"""A session of people who are told apart by voice, and may say yes to the cloning of theirs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from babblefish.registry.store import FILE, Store
from tests.support import speech
from tests.support.inprocess import Running, ScriptedEncoder, gateway
from tests.support.phone import Message, Phone, joined

SAID = speech.numbers()
WORDS = "thirty three four or six ninety two"


class Meeting:
    """A running gateway, a session, and who listens to it in Spanish."""

    def __init__(self, running: Running, stack: AsyncExitStack, session: str) -> None:
        self.running = running
        self._stack = stack
        self._session = session
        self.listener: Phone

    async def enter(self, name: str = "", language: str = "en", **more: object) -> Phone:
        phone = joined(self.running.ws, self._session, name, language, "", **more)
        return await self._stack.enter_async_context(phone)

    async def says(self, phone: Phone, who: str, *, live: bool = False) -> Message:
        """What the listener is told when somebody talks into that phone, and was learned.

        Faster than speech, unless it is `live`.
        """
        encoder, learned = self.running.encoder, self.running.learned
        assert encoder
        encoder.talking = who
        while not learned.empty():
            learned.get_nowait()
        await (phone.stream(SAID) if live else phone.burst(SAID, 3200))
        await phone.send(type="end_of_speech")
        told = await self.listener.receive("result", deadline_s=40)
        await asyncio.wait_for(learned.get(), 40)
        return told

    def store(self) -> "contextlib.closing[Store]":
        """The registry's file, as another process opens it."""
        return contextlib.closing(Store(self.running.data_dir / FILE))


@contextlib.asynccontextmanager
async def meeting(running: Running, session: str = "room") -> AsyncIterator[Meeting]:
    """In a gateway that runs."""
    async with AsyncExitStack() as stack:
        opened = Meeting(running, stack, session)
        opened.listener = await opened.enter("Ana", "es")
        yield opened


@contextlib.asynccontextmanager
async def telling_apart(folder: Path, **settings: object) -> AsyncIterator[Running]:
    """A gateway that knows voices, and a recogniser that understands what is said."""
    async with gateway(folder, ScriptedEncoder(), **settings) as running:
        running.translator.says = WORDS
        yield running


async def agrees(phone: Phone, deadline_s: float = 15, **more: object) -> Message:
    """What a phone is told that says yes."""
    await phone.send(type="consent", consent="voice", wording="v1")
    return await phone.receive("consent", deadline_s, **more)


def client_id(phone: Phone) -> str:
    return str(phone.all("joined")[0]["client_id"])
