"""Everybody in a session has a voice of their own, and keeps it."""

import asyncio

from babblefish.gateway.bus import MemoryBus
from babblefish.gateway.interpreter import Interpreter, Participant
from babblefish.people import Person
from tests.support.phone import Message, Phone, connected, joined
from tests.support.scripted import ScriptedSynthesizer, ScriptedTranslator
from tests.support.server import Server


def voices(told: Message) -> dict[str, int]:
    """By name."""
    return {person["name"]: person["voice"] for person in told["participants"]}


async def present(phone: Phone, *names: str) -> dict[str, int]:
    """Everybody's voice, once exactly these are there."""
    while set(found := voices(await phone.receive("participants"))) != set(names):
        pass
    return found


async def test_who_comes_takes_the_first_voice_that_is_free(server: Server, session: str) -> None:
    async with (
        joined(server.ws, session, "Dan", "en") as dan,
        joined(server.ws, session, "Ana", "es") as ana,
        joined(server.ws, session, "Eva", "es"),
    ):
        assert await present(dan, "Dan", "Ana", "Eva") == {"Dan": 0, "Ana": 1, "Eva": 2}
        await ana.send(type="leave")
        await present(dan, "Dan", "Eva")
        async with joined(server.ws, session, "Guy", "ca"):
            assert await present(dan, "Dan", "Eva", "Guy") == {"Dan": 0, "Eva": 2, "Guy": 1}


async def test_it_is_kept_by_who_comes_back_or_changes(server: Server, session: str) -> None:
    async with joined(server.ws, session, "Dan", "en"):
        async with joined(server.ws, session, "Ana", "es") as ana:
            await ana.send(type="set_language", language="ca")
            await ana.send(type="set_name", name="Anna")
            assert await present(ana, "Dan", "Anna") == {"Dan": 0, "Anna": 1}
            back = {
                "resume": ana.all("joined")[0]["resume_token"],
                "last_seq": ana.told[-1]["seq"],
            }
        async with connected(server.ws) as again:
            await again.send(type="join", session=session, name="Ana", language="es", **back)
            assert voices(await again.receive("joined")) == {"Dan": 0, "Anna": 1}


async def test_the_synthesizer_is_told_who_speaks() -> None:
    synthesizer, bus = ScriptedSynthesizer(), MemoryBus()
    interpreter = Interpreter(ScriptedTranslator(), synthesizer, bus, deadline_s=1)
    await bus.enter("room", Person("ana", "Ana", "es", voice=0))
    dan = Participant("room", Person("dan", "Dan", "en", voice=3))
    said = await interpreter.interpret_text(dan, "hello")
    await asyncio.gather(*said.speeches.values())
    assert synthesizer.speakers == {3}
