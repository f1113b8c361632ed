"""Who is not at this very machine joins by the link, which has the token."""

import pytest

from tests.support.phone import connected
from tests.support.server import Server

ELSEWHERE = {"X-Forwarded-For": "192.0.2.7"}
A_FILE = {"Origin": "null"}


async def join(server: Server, session: str, token: str | None, headers: dict[str, str]) -> str:
    """`joined`, or the code of the refusal."""
    async with connected(server.ws, **headers) as phone:
        more = {} if token is None else {"token": token}
        await phone.send(type="join", session=session, name="Dan", language="en", **more)
        answer = await phone.next()
        if answer["type"] == "error":
            assert (await phone.closed())[0] == 4401
        return str(answer.get("code", answer["type"]))


@pytest.mark.parametrize(
    ("token", "headers", "answer"),
    [
        (None, {}, "joined"),
        ("wrong", {}, "joined"),
        ("s3cret", ELSEWHERE, "joined"),
        (None, ELSEWHERE, "bad_token"),
        ("", ELSEWHERE, "bad_token"),
        ("s3cret ", ELSEWHERE, "bad_token"),
        ("s3crét", ELSEWHERE, "bad_token"),
        ("s3cret", A_FILE, "joined"),
        (None, A_FILE, "bad_token"),
    ],
)
async def test_the_token_is_asked_of_everybody_else(
    guarded: Server, session: str, token: str | None, headers: dict[str, str], answer: str
) -> None:
    assert await join(guarded, session, token, headers) == answer


async def test_a_token_is_made_where_none_is_set(server: Server, session: str) -> None:
    assert await join(server, session, None, ELSEWHERE) == "bad_token"
