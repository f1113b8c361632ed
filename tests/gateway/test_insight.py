"""`/metrics`, `/sessions` and `/speakers` tell who is here: not to everybody."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.http import plain
from tests.support.phone import joined
from tests.support.server import Server


def figures(exposition: str) -> dict[str, float]:
    """Every sample by name and labels' values."""
    return {
        ".".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


@pytest.mark.parametrize("path", ["/metrics", "/sessions", "/speakers"])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_what_a_proxy_forwards_is_refused(server: Server, path: str, header: str) -> None:
    assert plain.get(server.http + path).status_code == 200
    forwarded = plain.get(server.http + path, headers={header: "127.0.0.1"})
    assert forwarded.status_code == 403
    assert "admin token" in forwarded.json()["detail"]


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
        ("Bearer wrong", 403),
        ("Bearer", 403),
        ("s3cret", 403),
        ("Bearer s3crét", 403),
    ],
)
def test_the_admin_token_opens_them_from_anywhere(
    guarded: Server, authorization: str, status: int
) -> None:
    headers = {b"x-forwarded-for": b"10.1.2.3", b"authorization": authorization.encode()}
    assert plain.get(f"{guarded.http}/metrics", headers=headers).status_code == status


def test_without_an_admin_token_an_empty_one_opens_nothing(server: Server) -> None:
    headers = {"X-Forwarded-For": "10.1.2.3", "Authorization": "Bearer"}
    assert plain.get(f"{server.http}/metrics", headers=headers).status_code == 403


async def test_sessions_lists_who_is_where(server: Server, session: str) -> None:
    async with httpx.AsyncClient(base_url=server.http) as http:
        async with joined(server.ws, session, "Dan", "en") as dan:
            listed = {entry["name"]: entry for entry in (await http.get("/sessions")).json()}
            assert [p["name"] for p in listed[session]["participants"]] == ["Dan"]
            await dan.send(type="leave")
            await dan.closed()
        names = [entry["name"] for entry in (await http.get("/sessions")).json()]
        assert session not in names


async def test_metrics_count_what_happens(server: Server, session: str) -> None:
    async with httpx.AsyncClient(base_url=server.http) as http:
        before = figures((await http.get("/metrics")).text)
        async with (
            joined(server.ws, session, "Dan", "en") as dan,
            joined(server.ws, session, "Ana", "es") as ana,
        ):
            await dan.send(type="text", text="house")
            await ana.receive("result")
            await ana.send(type="dance")
            await ana.receive("error")
            after = figures((await http.get("/metrics")).text)
    grown = {name: value - before.get(name, 0) for name, value in after.items()}
    assert grown["babblefish_gateway_phones"] == 2
    assert grown["babblefish_gateway_sessions"] == 1
    assert grown["babblefish_gateway_utterances_total.told"] == 1
    assert grown["babblefish_gateway_refusals_total.unknown_type"] == 1
    assert grown["babblefish_gateway_latency_seconds_count"] == 1
    assert grown["babblefish_gateway_stage_seconds_count.translate"] == 1
    assert grown["babblefish_gateway_stage_seconds_count.synthesize"] == 1
