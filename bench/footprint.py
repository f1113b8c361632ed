"""What fifty idle phones cost the gateway's process; its engines' processes beside it."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from contextlib import AsyncExitStack

import psutil
from tests.support.phone import joined
from tests.support.server import Server, serving

from bench import report

PHONES = 50
WATCHED_S = 10
AIM_MB = 150
AIM_PERCENT = 5

_ALL_IN_ONE = """
from pocketsphinx import Decoder
from babblefish import settings
from babblefish.gateway.app import GatewayApps
import psutil
apps, decoders = GatewayApps(settings.load()), [Decoder(loglevel="FATAL") for _ in range(2)]
print(psutil.Process().memory_info().rss)
"""


async def run() -> None:
    report.heading(f"{PHONES} idle phones")
    with serving(warm_up=False) as server:
        await _gateway(server)
    with serving() as server:
        await _engines(server)
    megabytes = f"{await asyncio.to_thread(_all_in_one) / 1e6:.0f} MB"
    report.figure("a gateway with its engines inside (two decoders)", megabytes)


def _all_in_one() -> int:
    """The other side: a process that loads its engines, as most demos do; its memory in bytes."""
    command = [sys.executable, "-c", _ALL_IN_ONE]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


async def _gateway(server: Server) -> None:
    """The gateway's process while nobody speaks and no engine has been wanted."""
    async with AsyncExitStack() as stack:
        for number in range(PHONES):
            await stack.enter_async_context(
                joined(server.ws, f"idle-{number % 10}", f"Phone {number}", "en")
            )
        gateway = psutil.Process(server.process.pid)
        gateway.cpu_percent()
        await asyncio.sleep(WATCHED_S)
        percent, megabytes = gateway.cpu_percent(), gateway.memory_info().rss / 1e6
    name = "gateway, engines lazy"
    met = megabytes <= AIM_MB
    report.figure(f"{name}: memory (VmRSS)", f"{megabytes:.0f} MB", f"≤ {AIM_MB} MB", met)
    met = percent < AIM_PERCENT
    report.figure(f"{name}: of a core", f"{percent:.1f} %", f"< {AIM_PERCENT} %", met)


async def _engines(server: Server) -> None:
    """The engines' processes once English has been wanted in Spanish, French and Catalan."""
    async with AsyncExitStack() as stack:
        phones = [
            await stack.enter_async_context(joined(server.ws, "engines", language, language))
            for language in ("en", "es", "fr", "ca")
        ]
        await phones[0].send(type="text", text="house")
        for listener in phones[1:]:
            await listener.receive("result")
        for name, processes in sorted(_by_program(server).items()):
            own = sum(process.memory_full_info().uss for process in processes)
            label = f"engine processes: {len(processes)} × {name}, not shared"
            report.figure(label, f"{own / 1e6:.0f} MB")


def _by_program(server: Server) -> dict[str, list[psutil.Process]]:
    programs: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in server.children:
        sphinx = "babblefish.stage.worker" in process.cmdline()
        programs["pocketsphinx" if sphinx else "Apertium program"].append(process)
    return programs
