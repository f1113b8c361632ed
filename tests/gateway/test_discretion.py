"""What phones send is nobody's business: not the log's, and not a proxy's compression."""

import logging
from urllib.parse import quote

import pytest
import websockets

from tests.support.phone import connected, joined
from tests.support.server import Server, serving

TOKEN = "t0ken-that-nobody-reads"  # noqa: S105 made up
NAME, TEXT = "Ana the Discreet", "a secret sentence"
ELSEWHERE = {"X-Forwarded-For": "192.0.2.7"}


@pytest.mark.slow
async def test_neither_tokens_nor_what_is_said_reach_the_log(
    session: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(join_token=TOKEN, log_level="debug") as server:
        query = f"session={session}&name={quote(NAME)}&language=en&token={TOKEN}"
        async with connected(f"{server.ws}?{query}", **ELSEWHERE) as ana:
            welcome = await ana.receive("joined")
            await ana.send(type="text", text=TEXT)
            await ana.receive("partial", final=True)
            await ana.send(type=f"nonsense {TEXT}")
            await ana.receive("error")
            await ana.socket.send(b"\x00" * ((1 << 20) + 2))
            assert (await ana.receive("error"))["code"] == "too_big"
    log = capfd.readouterr().err
    assert logging.getLevelName(logging.INFO).lower() in log
    for secret in (TOKEN, NAME, quote(NAME), TEXT, welcome["resume_token"]):
        assert secret not in log


async def test_frames_are_never_compressed(server: Server) -> None:
    async with websockets.connect(server.ws, compression="deflate") as socket:
        assert not socket.protocol.extensions


async def test_a_wrong_codec_is_refused_with_what_is_accepted(server: Server, session: str) -> None:
    async with connected(server.ws) as phone:
        join = {"session": session, "name": "Dan", "language": "en"}
        await phone.send(type="join", **join, codecs=["opus", "mp3"])
        error = await phone.receive("error")
        assert error["code"] == "unsupported_codec"
        assert "pcm16" in error["message"]
    async with joined(server.ws, session, "Dan", "en", codecs=["opus", "pcm16"]) as phone:
        assert phone.all("joined")[0]["codec"] == "pcm16"
