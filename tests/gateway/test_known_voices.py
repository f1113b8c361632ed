"""Pierre, Dan and Marek without names: a gateway with the models of `full` knows them by voice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from demo.cast import DAN, MAREK, PIERRE, Person

from tests.micro.phrases import PHRASES
from tests.micro.voices import speak
from tests.support.phone import Message, Phone, joined
from tests.support.server import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MODELS = Path(__file__).parents[1] / "micro" / "checkpoints"


@pytest.fixture(scope="module")
def full() -> Iterator[Server]:
    """A gateway with all of them, small."""
    with serving(profile="full", models_dir=MODELS, resume_s=0) as running:
        yield running


async def says(phone: Phone, who: Person, number: int, listener: Phone) -> Message:
    """What the listener is told when somebody says a phrase into that phone."""
    await phone.send(type="set_language", language=who.language)
    text: str = getattr(PHRASES[number], who.language)
    await phone.burst(speak(text, who.voice), 3200)
    await phone.send(type="end_of_speech")
    return await listener.receive("result", deadline_s=30)


async def test_three_people_on_one_nameless_phone_are_three(full: Server, session: str) -> None:
    cast = (PIERRE, DAN, MAREK)
    async with (
        joined(full.ws, session, "Ana", "en") as ana,
        joined(full.ws, session, "", "fr") as shared,
        joined(full.ws, session, "", "fr") as other,
    ):
        heard: dict[str, list[Message]] = {person.name: [] for person in cast}
        for number in (6, 11, 15):
            for person in cast:
                heard[person.name].append(await says(shared, person, number, ana))
        ids = {name: {told["speaker_id"] for told in said} for name, said in heard.items()}
        assert all(len(known) == 1 for known in ids.values()), ids
        assert len(set.union(*ids.values())) == 3
        looks = {(s[-1]["speaker_name"], s[-1]["speaker_color"]) for s in heard.values()}
        assert len(looks) == 3
        borrowed = await says(other, MAREK, 21, ana)
        assert {borrowed["speaker_id"]} == ids["Marek"]
        assert borrowed["speaker_name"] == heard["Marek"][-1]["speaker_name"]
    async with asyncio.timeout(5), httpx.AsyncClient() as http:
        while (await http.get(f"{full.http}/speakers")).json():
            await asyncio.sleep(0.05)
