"""Whatever is said in whatever order, and whichever line drops when: everything once, in order."""

import itertools
from contextlib import AsyncExitStack
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.phone import Message, Phone, joined
from tests.support.server import Server

Action = Literal["say", "say it again", "ping", "rename", "nonsense", "drop Dan", "drop Ana"]
ACTIONS: list[Action] = [
    "say", "say", "say", "say it again", "ping", "rename", "nonsense", "drop Dan", "drop Ana",
]  # fmt: skip
# At the twentieth nonsense a line is closed: fewer actions than that.
_rooms = itertools.count()


class Participant:
    """A phone that comes back after every drop, and sends again what was not shown to it."""

    def __init__(self, stack: AsyncExitStack, url: str, room: str, name: str, lang: str) -> None:
        self._stack = stack
        self._join = (url, room, name, lang)
        self._former: list[Message] = []
        self._said: dict[str, str] = {}
        self.phone: Phone

    async def call(self) -> None:
        resume = {"resume": self._token, "last_seq": self.told[-1]["seq"]} if self._former else {}
        self.phone = await self._stack.enter_async_context(joined(*self._join, **resume))
        shown = {message.get("text_id") for message in self.told}
        for text_id in self._said:
            if text_id not in shown:
                await self._type(text_id)

    async def drop(self) -> None:
        self.phone.socket.transport.abort()
        await self.phone.closed()
        self._former += self.phone.told
        await self.call()

    async def say(self, text: str) -> None:
        text_id = f"id of {text}"
        self._said[text_id] = text
        await self._type(text_id)

    async def repeat(self) -> None:
        for text_id in list(self._said)[-1:]:
            await self._type(text_id)

    @property
    def told(self) -> list[Message]:
        return self._former + (self.phone.told if hasattr(self, "phone") else [])

    async def _type(self, text_id: str) -> None:
        await self.phone.send(type="text", text=self._said[text_id], id=text_id)

    @property
    def _token(self) -> str:
        welcomes = [message for message in self._former if message["type"] == "joined"]
        return str(welcomes[-1]["resume_token"])


async def act(action: Action, dan: Participant, ana: Participant, number: int) -> None:
    match action:
        case "say":
            await dan.say(f"number {number}")
        case "say it again":
            await dan.repeat()
        case "ping":
            await dan.phone.send(type="ping", id=number)
        case "rename":
            await dan.phone.send(type="set_name", name=f"Dan {number}")
        case "nonsense":
            await ana.phone.send(type="never heard of")
        case "drop Dan":
            await dan.drop()
        case "drop Ana":
            await ana.drop()


@pytest.mark.slow
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=19))
async def test_everything_is_told_once_and_in_order(server: Server, actions: list[Action]) -> None:
    room = f"order-{next(_rooms)}"
    async with AsyncExitStack() as stack:
        dan, ana = (
            Participant(stack, server.ws, room, name, language)
            for name, language in (("Dan", "en"), ("Ana", "es"))
        )
        for participant in (ana, dan):
            await participant.call()
        for number, action in enumerate(actions):
            await act(action, dan, ana, number)
        await dan.say("good bye")
        await ana.phone.receive("result", transcript="good bye")
        heard = [message["transcript"] for message in ana.told if message["type"] == "result"]
        said = [f"number {number}" for number, a in enumerate(actions) if a == "say"]
        assert heard == [*said, "good bye"]
        for participant in (ana, dan):
            first, *later = participant.told
            numbers = [first["seq"], *(m["seq"] for m in later if m["type"] != "joined")]
            assert numbers == list(range(1, len(numbers) + 1))
