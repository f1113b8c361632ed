"""One gateway behind its doors: http for this machine and for proxies, https for phones, and
one for whoever runs it.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import uvloop

from babblefish.gateway.app import GatewayApps
from babblefish.gateway.doors import Doors
from babblefish.gateway.tls import Tls
from babblefish.stage.door import Door


def run(apps: GatewayApps, doors: Doors) -> None:
    """Until a signal ends it."""
    settings = doors.settings
    opened = [Door(apps.phones, settings, doors.plain)]
    if doors.secure and doors.tls:
        opened.append(Door(apps.phones, settings, doors.secure, doors.tls.context))
    if doors.admin:
        opened.append(Door(apps.admin, settings, doors.admin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(apps, opened, doors.tls))


async def _run(apps: GatewayApps, doors: list[Door], tls: Tls | None) -> None:
    _stop_on_signals(doors)
    async with apps.running(), _background(tls):
        await asyncio.gather(*(door.open() for door in doors))


@contextlib.asynccontextmanager
async def _background(tls: Tls | None) -> AsyncIterator[None]:
    fresh = asyncio.create_task(tls.keep_fresh()) if tls else None
    yield
    if fresh:
        fresh.cancel()


def _stop_on_signals(doors: list[Door]) -> None:
    """All doors close at once; a second Ctrl-C does not wait for what is still said."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):

        def stop(number: int = number) -> None:
            for door in doors:
                door.handle_exit(number, None)

        loop.add_signal_handler(number, stop)
