import asyncio

from babblefish.gateway.bus import MemoryBus, Present, Told
from babblefish.people import Person

DAN, ANA = Person("1", "Dan", "en"), Person("2", "Ana", "es")


async def test_who_is_present_is_told_to_every_subscriber_of_the_session() -> None:
    bus = MemoryBus()
    with bus.subscribe("a") as first, bus.subscribe("a") as second, bus.subscribe("b") as other:
        await bus.enter("a", DAN)
        await bus.enter("a", ANA)
        await bus.leave("a", DAN.client_id)
        for events in (first, second):
            told = [await anext(events) for _ in range(3)]
            assert told == [Present([DAN]), Present([DAN, ANA]), Present([ANA])]
        await bus.publish("b", Told("1", "c", "m"))
        assert await anext(other) == Told("1", "c", "m")


async def test_entering_again_is_becoming_somebody_else_in_the_same_place() -> None:
    bus = MemoryBus()
    await bus.enter("a", DAN)
    await bus.enter("a", ANA)
    await bus.enter("a", Person("1", "Daniel", "fr"))
    assert [person.name for person in await bus.people("a")] == ["Daniel", "Ana"]


async def test_nothing_is_kept_of_a_session_that_is_over() -> None:
    bus = MemoryBus()
    with bus.subscribe("a"):
        await bus.enter("a", DAN)
        await bus.leave("a", DAN.client_id)
        await bus.leave("a", "nobody")
    assert (bus._people, bus._queues) == ({}, {})


async def test_a_publisher_waits_for_a_subscriber_that_is_far_behind() -> None:
    bus = MemoryBus()
    event = Told("1", "c", "m")
    with bus.subscribe("a") as events:

        async def flood() -> None:
            for _ in range(2000):
                await bus.publish("a", event)

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0)
        assert not flooding.done()
        for _ in range(2000):
            assert await anext(events) == event
        await flooding
