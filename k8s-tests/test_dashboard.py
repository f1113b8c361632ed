"""Every panel of the dashboard shows something once people have talked."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.support import speech

from dashboard import LAPTOPS, asked
from deployment import Release
from meetings import Meeting, meeting, rolled_out
from prometheus import Prometheus, scraping

EXPRESSIONS = [(it.title, it.expression) for it in asked("babblefish") if it.row != LAPTOPS]
PODS = 5


@pytest.fixture(scope="module")
def prometheus(governed: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has seen a session, a sentence told, and an input refused."""
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with meeting(governed, "watched", synthesizer={"minReplicas": 2}) as watched:
        rolled_out(governed)
        with scraping(governed, folder) as running:
            asyncio.run(_talked(watched, running))
            yield running


async def _talked(watched: Meeting, prometheus: Prometheus) -> None:
    await _until(prometheus, "count(up == 1)", at_least=PODS)
    async with watched.phone("Ana", "es") as ana, watched.phone("Dan", "en") as dan:
        for _ in range(2):  # rates need a change after the first look
            await dan.send(type="nonsense")
            await dan.stream(np.concatenate([speech.go_forward(), speech.silence(1)]))
            await ana.receive("result", deadline_s=30)
            seen = "sum(babblefish_gateway_utterances_total) > 0"
            await _until(prometheus, seen, at_least=0)
    reconciled = "sum(rate(babblefish_operator_reconcile_seconds_count[2m])) > 0"
    await _until(prometheus, reconciled, at_least=0)  # as they came and went


async def _until(prometheus: Prometheus, expression: str, at_least: float) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                found = await asyncio.to_thread(prometheus.ask, expression)
            except (httpx.HTTPError, ValueError):
                found = []
            if found and float(found[0]["value"][1]) >= at_least:
                return
            await asyncio.sleep(0.2)


def test_every_pod_is_scraped(prometheus: Prometheus) -> None:
    up = {series["metric"]["pod"]: series["value"][1] for series in prometheus.ask("up")}
    assert len(up) == PODS
    assert set(up.values()) == {"1"}


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_every_panel_shows_something(prometheus: Prometheus, title: str, expression: str) -> None:
    series: list[dict[str, Any]] = prometheus.ask(expression)
    assert series, title
    # Over a window without that kind of work, a quantile is no number.
    assert any(it["value"][1] != "NaN" for it in series), title
