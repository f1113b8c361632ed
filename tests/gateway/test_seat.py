import asyncio
from typing import Any

from babblefish.audio import Samples
from babblefish.bell import Bell
from babblefish.gateway.bus import MemoryBus
from babblefish.gateway.endpointing import Limits
from babblefish.gateway.engines import Engines
from babblefish.gateway.interpreter import Interpreter
from babblefish.gateway.microphone import Ears
from babblefish.gateway.quota import Quotas
from babblefish.gateway.seat import Exchange
from babblefish.gateway.seats import Seats
from babblefish.gateway.sessions import Sessions
from babblefish.gateway.speakers import Speakers
from babblefish.gateway.vad import VoiceDetector
from babblefish.people import Person
from babblefish.registry.registry import Registry
from babblefish.registry.store import Store
from babblefish.settings import load
from babblefish.silero import VoiceState
from tests.support.scripted import ScriptedSynthesizer, ScriptedTranslator


class BrokenDetector(VoiceDetector):
    """As where the model's library fails."""

    async def score(self, state: VoiceState, frames: list[Samples]) -> list[float]:
        raise RuntimeError("broken")


async def test_a_microphone_that_fails_costs_the_seat_and_leaves_nobody_deaf() -> None:
    bus: Any = MemoryBus()
    interpreter = Interpreter(ScriptedTranslator(), ScriptedSynthesizer(), bus, deadline_s=1)
    ears = Ears(BrokenDetector(), interpreter, Limits(0.5, 160, 500, 128, 20_000), idle_s=0.8)
    speakers = Speakers(None, Registry(Store()), bus, deadline_s=1)
    sessions = Sessions(bus, speakers, adhoc=True, capacity=5)
    settings = load()
    seats = Seats(
        Exchange(settings, sessions, ears, Engines(settings), Quotas(settings), Bell(), speakers)
    )
    seat = await seats.take("room", Person("dan", "Dan", "en"))
    token = seats.renew(seat)
    seat.microphone.hear(bytes(4096), received=4096)
    async with asyncio.timeout(5):
        while seats.find(token):
            await asyncio.sleep(0)
    assert await bus.people("room") == []
    assert seat.outbox.finished
