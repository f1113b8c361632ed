"""A hundred thousand frames and messages of every kind: no crash, no leak, no silence."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.gateway.test_insight import figures
from tests.support.server import Server, serving

MESSAGES = 100_000
PHONES = 8
FRAMES = "babblefish_gateway_frames_total"
_A_LINE = 400

TYPES = ["text", "set_name", "set_language", "end_of_speech", "played", "ping", "consent", "join"]
FIELDS = ["text", "name", "language", "id", "utterance_id", "consent", "session", "resume"]
CODES = {
    "bad_json", "bad_message", "unknown_type", "not_joined", "already_joined", "too_long",
    "empty_text", "unsupported_language", "unsupported_codec", "unsupported_speech",
    "unsupported_text", "too_big", "too_fast", "overloaded", "no_cloning", "session_full",
    "too_late", "stage_unavailable", "too_many_utterances",
}  # fmt: skip


class Fuzzer:
    """Says everything that a socket can carry, from a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def join(self) -> str:
        session = f"fuzz-{self._rng.integers(4)}"
        language = self._pick(["en", "es", "fr"])
        return json.dumps(
            {"type": "join", "session": session, "name": "Fuzz", "language": language}
        )

    def messages(self, count: int) -> Iterator[str | bytes]:
        kinds: list[Callable[[], str | bytes]] = [
            self._audio, self._noise_bytes, self._known, self._ping, self._rubbish,
        ]  # fmt: skip
        for _ in range(count):
            yield kinds[self._rng.choice(5, p=[0.5, 0.1, 0.2, 0.18, 0.02])]()

    def _audio(self) -> bytes:
        samples = self._rng.standard_normal(self._rng.integers(1, 200))
        return bytes((samples * self._pick([0, 100, 10_000])).astype("<i2").tobytes())

    def _noise_bytes(self) -> bytes:
        return self._rng.bytes(int(self._rng.integers(0, 64)))

    def _known(self) -> str:
        fields = {self._pick(FIELDS): self._value() for _ in range(self._rng.integers(0, 4))}
        return json.dumps({"type": self._pick(TYPES), **fields})

    def _ping(self) -> str:
        return json.dumps({"type": "ping", "id": int(self._rng.integers(1 << 40))})

    def _rubbish(self) -> str:
        return str(self._pick(["{", "[]", "null", "{}" * 9, '{"type":' * 500, self._text()]))

    def _value(self) -> object:
        return self._pick([None, True, 3, -1.5, [], {}, self._text(), "en", "x" * 5000, [[[]]]])

    def _text(self) -> str:
        points = self._rng.integers(0, 0x3000, self._rng.integers(0, 30))
        return "".join(map(chr, points))

    def _pick(self, choices: list[Any]) -> Any:  # noqa: ANN401 anything at all
        return choices[int(self._rng.integers(len(choices)))]


async def fuzz(url: str, seed: int, count: int) -> set[str]:
    """Sends so many messages over as many lines as it takes; the codes of all refusals."""
    fuzzer, codes, sent = Fuzzer(seed), set[str](), 0
    while sent < count:
        async with websockets.connect(url, max_size=None) as socket:
            reading = asyncio.create_task(_codes(socket))
            with contextlib.suppress(websockets.ConnectionClosed):
                await socket.send(fuzzer.join())
                for message in fuzzer.messages(_A_LINE):
                    await socket.send(message)
                    sent += 1
                await socket.send('{"type":"leave"}')
                await asyncio.wait_for(socket.wait_closed(), 30)
        codes |= await reading
    return codes


async def _codes(socket: ClientConnection) -> set[str]:
    codes = set()
    with contextlib.suppress(websockets.ConnectionClosed):
        async for raw in socket:
            message = json.loads(raw)
            if message["type"] == "error":
                assert message["message"]
                codes.add(message["code"])
    assert socket.close_code in {1000, 1008, 1009, 4429}
    return codes


async def settled(server: Server) -> dict[str, float]:
    """The gateway's figures once nobody is there any more."""
    async with httpx.AsyncClient() as http, asyncio.timeout(40):
        while True:
            seen = figures((await http.get(f"{server.http}/metrics")).text)
            if not seen["babblefish_gateway_participants"]:
                return seen
            await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_hundred_thousand_messages_leave_nothing_behind(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving(resume_s=1, max_phones=100) as server:
        gateway = psutil.Process(server.process.pid)

        async def round_of(count: int, seed: int) -> set[str]:
            each = count // PHONES
            rounds = (fuzz(server.ws, seed + n, each) for n in range(PHONES))
            return set().union(*await asyncio.gather(*rounds))

        await round_of(MESSAGES // 5, seed=100)
        before, memory = await settled(server), gateway.memory_info().rss
        after, codes, seed = before, set[str](), 200
        while after[FRAMES] - before[FRAMES] < MESSAGES:  # many of a line cut off go unread
            codes |= await round_of(MESSAGES // 2, seed)
            after, seed = await settled(server), seed + PHONES
        assert codes <= CODES
        assert len(codes) >= 6
        for gauge in ("phones", "participants", "sessions"):
            assert after[f"babblefish_gateway_{gauge}"] == 0
        assert after["babblefish_gateway_tasks"] <= before["babblefish_gateway_tasks"] + 2
        assert gateway.memory_info().rss < memory * 1.1 + 10e6
    assert "Traceback" not in capfd.readouterr().err
