"""Sessions that an operator made: who may come in, who is counted, and how they end."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.support.phone import Phone, connected, joined
from tests.support.server import Server, serving

KEY = "a key of thirty-two bytes, at least, for HS256"
ADMIN = "4dm1n"
ISSUER = "babblefish-operator"
NOW = int(time.time())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def governed() -> Iterator[tuple[Server, str]]:
    """A gateway as in the cluster, and where its operator calls."""
    port = free_port()
    with serving(session_key=KEY, admin_token=ADMIN, admin_port=port, adhoc_sessions=False,
                 join_token="s3cret") as server:  # fmt: skip
        yield server, f"ws://127.0.0.1:{port}/operator"


def ticket(session: str, key: str = KEY, **claims: object) -> str:
    meant = {"iss": ISSUER, "sub": f"uid of {session}", "session": session, "iat": NOW, **claims}
    return jwt.encode(meant, key, algorithm="HS256")


async def join(server: Server, session: str, token: str | None, language: str = "en") -> str:
    """`joined`, or the code of the refusal."""
    async with connected(server.ws) as phone:
        await phone.send(type="join", session=session, name="Dan", language=language, token=token)
        answer = await phone.next()
        return str(answer.get("code", answer["type"]))


@contextlib.asynccontextmanager
async def operator(url: str, token: str = ADMIN) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(url, additional_headers=headers) as line:
        yield line


async def counts(line: ClientConnection, wanted: dict[str, Any]) -> None:
    """Waits until the gateway reports just this of these sessions."""
    async with asyncio.timeout(5):
        while True:
            told = json.loads(await line.recv())
            assert told["type"] == "counts"
            if {name: told["sessions"].get(name) for name in wanted} == wanted:
                return


def live(**sessions: str) -> str:
    ended = {"over": "expired"}
    return json.dumps(
        {"type": "sessions", "live": {n: {"uid": u} for n, u in sessions.items()}, "ended": ended}
    )


@pytest.mark.slow
async def test_a_ticket_opens_its_session_and_no_other(governed: tuple[Server, str]) -> None:
    server, _ = governed
    assert await join(server, "board", ticket("board")) == "joined"
    assert await join(server, "other", ticket("board")) == "bad_token"
    assert await join(server, "board", "s3cret") == "unknown_session"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forged", "code"),
    [
        (ticket("board", key="another key of thirty-two bytes or more"), "bad_token"),
        (ticket("board", iss="somebody"), "bad_token"),
        (ticket("board", exp=NOW - 1), "expired_token"),
        (ticket("board", exp="soon"), "bad_token"),
        (ticket("board", languages="en"), "bad_token"),
        (ticket("board", max_clients={}), "bad_token"),
        (jwt.encode({"iss": ISSUER, "sub": "u", "session": "board"}, "", "none"), "bad_token"),
        ("a.b.c", "bad_token"),
        ("..", "bad_token"),
        ("é.é.é", "bad_token"),
    ],
)
async def test_a_forged_or_stale_ticket_opens_nothing(
    governed: tuple[Server, str], forged: str, code: str
) -> None:
    assert await join(governed[0], "board", forged) == code


@pytest.mark.slow
async def test_a_tickets_limits_hold(governed: tuple[Server, str]) -> None:
    server, _ = governed
    small = ticket("small", max_clients=1, languages=["en", "es"])
    assert await join(server, "small", small, language="fr") == "unsupported_language"
    async with joined(server.ws, "small", "Ana", "es", token=small) as ana:
        assert await join(server, "small", small) == "session_full"
        await ana.send(type="set_language", language="fr")
        error = await ana.receive("error", code="unsupported_language")
        assert error["message"] == "Choose from en, es."


@pytest.mark.slow
async def test_the_operator_learns_who_is_there_at_once(governed: tuple[Server, str]) -> None:
    server, url = governed
    async with operator(url) as line:
        await counts(line, {"team": None})
        async with joined(server.ws, "team", "Ana", "es", token=ticket("team")) as ana:
            started = time.monotonic()
            await counts(line, {"team": {"clients": 1, "languages": ["es"]}})
            assert time.monotonic() - started < 1
            await ana.send(type="set_language", language="fr")
            await counts(line, {"team": {"clients": 1, "languages": ["fr"]}})
            async with joined(server.ws, "team", "Dan", "en", token=ticket("team")) as dan:
                await counts(line, {"team": {"clients": 2, "languages": ["en", "fr"]}})
                await dan.send(type="leave")
                await counts(line, {"team": {"clients": 1, "languages": ["fr"]}})
            await ana.send(type="leave")
            await counts(line, {"team": None})


async def dismissed(phone: Phone) -> str:
    error = await phone.receive("error", code="session_ended")
    assert (await phone.closed())[0] == 4410
    return str(error["message"])


@pytest.mark.slow
async def test_phones_of_a_session_that_ended_are_told_why(governed: tuple[Server, str]) -> None:
    server, url = governed
    over, stays = ticket("over"), ticket("stays")
    async with (
        operator(url) as line,
        joined(server.ws, "over", "Ana", "es", token=over) as ana,
        joined(server.ws, "stays", "Bob", "en", token=stays) as bob,
    ):
        await line.send(live(over="uid of over", stays="uid of stays"))
        await counts(line, {"over": {"clients": 1, "languages": ["es"]}})
        started = time.monotonic()
        await line.send(live(stays="uid of stays"))
        assert await dismissed(ana) == "The time of this session is over."
        assert time.monotonic() - started < 5
        await counts(line, {"over": None})
        assert await join(server, "over", over) == "session_ended"
        welcome = ana.all("joined")[0]
        async with connected(server.ws) as back:
            await back.send(type="join", session="over", name="Ana", language="es", token=over,
                            resume=welcome["resume_token"])  # fmt: skip
            assert (await back.receive("error"))["code"] == "session_ended"
        await bob.send(type="ping", id=1)
        await bob.receive("pong", id=1)
        await line.send(live(over="another uid", stays="uid of stays"))
        again = ticket("over", sub="another uid")
        async with asyncio.timeout(5):
            while await join(server, "over", again) != "joined":
                await asyncio.sleep(0.02)
        assert await join(server, "over", over) == "session_ended"


@pytest.mark.slow
@pytest.mark.parametrize("token", ["", "wrong", "4dm1"])
async def test_only_the_operator_is_answered(governed: tuple[Server, str], token: str) -> None:
    with pytest.raises(websockets.InvalidStatus):
        async with operator(governed[1], token):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("rubbish", ["", "{", "[]", '{"type":"sessions"}', '{"live":{"a":3}}'])
async def test_what_is_not_understood_ends_the_line_and_nothing_else(
    governed: tuple[Server, str], rubbish: str
) -> None:
    server, url = governed
    async with operator(url) as line:
        await line.send(rubbish)
        with pytest.raises(websockets.ConnectionClosed):
            async with asyncio.timeout(5):
                while True:
                    await line.recv()
        assert line.close_code == 1008
    assert await join(server, "calm", ticket("calm")) in {"joined", "session_ended"}
