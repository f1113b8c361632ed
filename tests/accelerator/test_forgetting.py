"""Whose yes was taken back is gone from a laptop, wherever the laptop was."""

import asyncio

from babblefish.cloner.wire import Failure, Hello, Purge, Purged, Ready, Result, Welcome
from tests.accelerator.gateway import Gateway, Line, reference, request
from tests.support.laptop import Laptop


async def introduced(line: Line, *speakers: str) -> None:
    """The laptop has heard these voices, and used them."""
    for speaker in speakers:
        await line.say(request(speaker, sent=reference(f"of {speaker}")))
        await line.hear(Result)


async def test_what_is_purged_is_gone_from_the_engine_before_that_is_said(
    line: Line, pierre: Laptop
) -> None:
    await introduced(line, "pierre", "marek")
    await line.say(Purge(["pierre", "nobody"]))
    assert (await line.hear(Purged)).speaker_ids == ["pierre", "nobody"]
    assert pierre.cloner.known == {"of marek"}
    await line.say(request("pierre", reference_id="of pierre"))
    assert "not known" in (await line.hear(Failure)).message


async def test_what_is_spoken_or_waits_in_a_purged_voice_is_never_sent(
    line: Line, pierre: Laptop
) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(request(sent=reference()))
    await line.say(request())
    await line.say(other := request("marek", sent=reference("of marek")))
    await pierre.cloner.begun.wait()
    await line.say(Purge(["pierre"]))
    await line.say(request(request_id="after"))
    assert (await line.hear(Failure)).request_id == "after"
    pierre.cloner.held_up.set()
    heard = [await line.next(), await line.next()]
    assert {type(message) for message in heard} == {Result, Purged}
    assert {m.request_id for m in heard if isinstance(m, Result)} == {other.request_id}
    assert pierre.cloner.known == {"of marek"}


async def test_what_was_revoked_while_it_was_away_is_gone_before_it_serves(
    server: Gateway, line: Line, pierre: Laptop
) -> None:
    await introduced(line, "pierre", "marek")
    line.drop()
    line = await server.line()
    hello = await line.hear(Hello)
    assert hello.voices == ["marek", "pierre"]
    await line.say(Welcome(["marek", "somebody else"]))
    await line.hear(Ready)
    assert pierre.cloner.known == {"of marek"}
    await line.say(request("marek", reference_id="of marek"))
    await line.hear(Result)


async def test_who_is_not_forgotten_yet_still_counts_as_held(
    server: Gateway, line: Line, pierre: Laptop
) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(request(sent=reference()))
    await pierre.cloner.begun.wait()
    await line.say(Purge(["pierre"]))
    line.drop()
    line = await server.line()
    assert (await line.hear(Hello)).voices == ["pierre"]
    await line.say(Welcome([]))
    pierre.cloner.held_up.set()
    await line.hear(Ready)
    assert not pierre.cloner.known


async def test_an_engine_that_does_not_forget_is_replaced(line: Line, pierre: Laptop) -> None:
    await introduced(line, "pierre")
    pierre.cloner.forgets = False
    await line.say(Purge(["pierre"]))
    await line.hear(Purged)
    assert not pierre.cloner.known


async def test_what_was_asked_on_a_line_that_dropped_is_not_told_to_the_next(
    server: Gateway, line: Line, pierre: Laptop
) -> None:
    pierre.cloner.held_up = asyncio.Event()
    await line.say(request(sent=reference()))
    await line.say(request())
    await pierre.cloner.begun.wait()
    line.drop()
    line = await server.welcomed(keep=["pierre"])
    pierre.cloner.held_up.set()
    await line.say(asked := request())
    answer = await line.next()
    assert getattr(answer, "request_id", None) == asked.request_id
    assert len(pierre.cloner.spoken) == 2
