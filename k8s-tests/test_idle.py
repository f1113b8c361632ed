"""Nobody there: nothing to do."""

import asyncio

import httpx
from tests.gateway.test_insight import figures

from deployment import Release

PARTS = ("gateway", "translator", "synthesizer", "operator")
WATCHED_S = 15
AIM_CORES = 0.1


async def test_idle_babblefish_costs_next_to_nothing(babblefish: Release) -> None:
    pods = {name: part for part in PARTS for name in babblefish.pods(part)}
    addresses = {pod: babblefish.get("pod", pod)["status"]["podIP"] for pod in pods}
    async with httpx.AsyncClient() as http:
        before = {pod: await _seconds(http, address) for pod, address in addresses.items()}
        await asyncio.sleep(WATCHED_S)
        after = {pod: await _seconds(http, address) for pod, address in addresses.items()}
    cores = {pod: (after[pod] - before[pod]) / WATCHED_S for pod in pods}
    print({pod: f"{used:.3f}" for pod, used in cores.items()}, f"= {sum(cores.values()):.3f} cores")
    assert sum(cores.values()) <= AIM_CORES


async def _seconds(http: httpx.AsyncClient, address: str) -> float:
    answer = await http.get(f"http://{address}:9001/metrics")
    return figures(answer.text)["process_cpu_seconds_total"]
