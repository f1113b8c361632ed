"""Whether a server translates: speaks to it as one phone, listens as another."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from babblefish import audio
from babblefish.audio import SAMPLE_RATE, Samples
from babblefish.errors import BabbleFishError
from babblefish.settings import Settings
from babblefish.synthesizer import chooser

_FRAME_S = 0.02
_DEADLINE_S = 30.0
_PAUSE_S = 1.0
_SILENCE = np.zeros(SAMPLE_RATE, np.float32)


class CheckFailed(BabbleFishError):
    """The server does not do what it should."""


@dataclass(frozen=True)
class Check:
    """What is said where, and what is to be heard."""

    server: str
    token: str
    session: str
    say: str
    language: str
    to: str
    expect: str
    connect: str = ""
    """`host:port` to call instead of the server's name, as behind a proxy."""
    insecure: bool = False
    patience_s: float = 0
    """How long to try again."""


class Heard(msgspec.Struct):
    """What matters of a message down."""

    type: str
    transcript: str = ""
    translation: str = ""
    tts_audio: str | None = None
    latency_ms: int = 0
    message: str = ""


async def run(check: Check, settings: Settings) -> str:
    """What was heard; raises `CheckFailed` when the patience is at its end."""
    speech = await _speech(check, settings)
    until = time.monotonic() + check.patience_s
    while True:
        try:
            return await _once(check, speech)
        except CheckFailed:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(_PAUSE_S)


async def _once(check: Check, speech: Samples) -> str:
    try:
        async with asyncio.timeout(_DEADLINE_S), _called(check) as mouth, _called(check) as ear:
            await _join(ear, check, check.to)
            await _join(mouth, check, check.language)
            listening = asyncio.create_task(_next(ear, "result"))
            await _stream(mouth, speech)
            heard = await listening
    except (OSError, WebSocketException) as error:
        raise CheckFailed(f"{check.server} cannot be called: {error}.", "Is it up?") from error
    except TimeoutError:
        raise CheckFailed(f"Nothing was heard in {_DEADLINE_S:.0f} s.", "See its logs.") from None
    return _judged(check, heard)


async def _speech(check: Check, settings: Settings) -> Samples:
    engine = chooser.build(settings.synthesizer, settings)
    await engine.start()
    try:
        spoken = audio.join([piece async for piece in engine.speak(check.say, check.language)])
    finally:
        await engine.stop()
    return np.concatenate([_SILENCE, audio.resample(spoken, SAMPLE_RATE).samples, _SILENCE])


@contextlib.asynccontextmanager
async def _called(check: Check) -> AsyncIterator[ClientConnection]:
    """A phone that says good-bye: its seat is not kept for it."""
    async with _dialled(check) as phone:
        try:
            yield phone
        finally:
            with contextlib.suppress(WebSocketException):
                await phone.send('{"type":"leave"}')


def _dialled(check: Check) -> connect:
    there = urlsplit(check.server)
    secure = there.scheme in {"https", "wss"}
    address = urlsplit(f"//{check.connect}") if check.connect else there
    return connect(
        f"{'wss' if secure else 'ws'}://{there.netloc}/ws/client",
        host=address.hostname,
        port=address.port or (443 if secure else 80),
        ssl=_context(check) if secure else None,
        max_size=None,
        proxy=None,
    )


def _context(check: Check) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if check.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _join(phone: ClientConnection, check: Check, language: str) -> None:
    join = {"type": "join", "session": check.session, "name": "Check", "language": language}
    await phone.send(msgspec.json.encode({**join, "token": check.token}).decode())
    await _next(phone, "joined")


async def _next(phone: ClientConnection, kind: str) -> Heard:
    """The next message of a kind; an `error` before it is the end."""
    async for raw in phone:
        message = msgspec.json.decode(raw, type=Heard)
        if message.type == kind:
            return message
        if message.type == "error":
            raise CheckFailed(f"The server says: {message.message}", "Mend that first.")
    raise CheckFailed("The server hung up.", "See its logs.")


async def _stream(phone: ClientConnection, samples: Samples) -> None:
    """As a phone does: in real time."""
    pcm, size = audio.to_pcm16(samples), round(2 * SAMPLE_RATE * _FRAME_S)
    began = time.monotonic()
    for number, at in enumerate(range(0, len(pcm), size)):
        await asyncio.sleep(max(0.0, began + number * _FRAME_S - time.monotonic()))
        await phone.send(pcm[at : at + size])


def _judged(check: Check, heard: Heard) -> str:
    said = f"“{check.say}” was heard as “{heard.transcript}”, told as “{heard.translation}”"
    if check.expect.casefold() not in heard.translation.casefold():
        raise CheckFailed(f"{said}.", f"“{check.expect}” should be in it.")
    if not heard.tts_audio:
        raise CheckFailed(f"{said}, but not spoken.", "Is the synthesizer up?")
    return f"{said}, {heard.latency_ms} ms after it ended."
