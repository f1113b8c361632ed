"""What gateways and laptops say to each other on `/ws/tts-accelerator`: JSON, a message a frame.

The laptop dials, with `Authorization: Bearer …` and without an `Origin`, and says `hello`. The
gateway answers `welcome`, which names the speakers whose references may be kept: the laptop
purges all others before it says `ready`. From then on it is asked. `tts_request`, `tts_result`
and their fields are the user's documents'; fields are added, none changes its meaning.

`speaker_id` is the voice's, unlike anybody else's in any session. Audio is a WAV, base64 on the
wire. Every number that a laptop tells is its own word: it is used to choose, never to trust.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from babblefish.cloner.base import Memory

PROTOCOL = 1

MAX_FRAME = 16 << 20
"""Bytes; a reference with an adapter is the largest."""

MAX_VOICES = 64
"""References that a laptop keeps."""

_Id = Annotated[str, Meta(min_length=1, max_length=64)]
_Line = Annotated[str, Meta(max_length=200)]
_Languages = Annotated[dict[_Id, _Line], Meta(max_length=64)]


class Up(Struct):
    """What a laptop says."""


class Hello(Up, tag="hello"):
    """The first message. `languages`: with the licence of each; `voices`: speakers it holds."""

    name: _Line
    device: _Line
    memory: Memory
    capacity: Annotated[int, Meta(ge=1, le=64)]
    languages: _Languages
    voices: Annotated[list[_Id], Meta(max_length=MAX_VOICES)] = []
    version: _Line = ""
    protocol: int = PROTOCOL


class Ready(Up, tag="ready"):
    """It purged what it had to, is warm, and may be asked."""


class Load(Up, tag="load"):
    """Now and then: how much memory is used."""

    memory: Memory


class Result(Up, tag="tts_result"):
    """The sentence in the speaker's voice."""

    request_id: _Id
    audio: bytes
    speaker_name: _Line = ""
    latency_ms: Annotated[int, Meta(ge=0)] = 0


class Failure(Up, tag="tts_error"):
    """It will not come. `returned`: nothing is wrong with it, another laptop may try."""

    request_id: _Id
    message: _Line = ""
    returned: bool = False


class Purged(Up, tag="purged"):
    """Nothing of these speakers is left there."""

    speaker_ids: Annotated[list[_Id], Meta(max_length=MAX_VOICES)]


class Leaving(Up, tag="leaving"):
    """It was told to stop: it takes nothing more, finishes or returns what it has, and goes."""


class Down(Struct, frozen=True):
    """What a gateway says."""


class Welcome(Down, frozen=True, tag="welcome"):
    """The answer to `hello`. `keep`: of the speakers that it named, those who still say yes."""

    keep: list[str]
    heartbeat_s: int = 20
    protocol: int = PROTOCOL


class ReferenceSent(Struct, frozen=True):
    """A speaker's reference: `audio` a WAV, `adapter` safetensors or empty."""

    id: str
    audio: bytes
    text: str
    language: str
    adapter: bytes = b""


class Request(Down, frozen=True, tag="tts_request"):
    """Say `text` in that voice, within `deadline_ms`.

    `reference` comes with the first request for a speaker on a laptop, and with the first after it
    changed; it is kept under the speaker's id, in place of an older one.
    """

    request_id: str
    text: str
    language: str
    speaker_id: str
    speaker_name: str
    deadline_ms: int
    reference_id: str
    reference: ReferenceSent | None = None


class Cancel(Down, frozen=True, tag="cancel"):
    """Nobody wants that any more; no answer is expected."""

    request_id: str


class Purge(Down, frozen=True, tag="purge"):
    """Everything of these speakers goes, at once; answered by `purged`."""

    speaker_ids: list[str]


_UP: dict[str, msgspec.json.Decoder[Up]] = {
    str(kind.__struct_config__.tag): msgspec.json.Decoder(kind) for kind in Up.__subclasses__()
}
_DOWN = msgspec.json.Decoder(Welcome | Request | Cancel | Purge)


class _Envelope(Struct):
    type: str


def decode_up(raw: str | bytes) -> Up:
    """A laptop's message; raises `msgspec.DecodeError` for what is none."""
    kind = msgspec.json.decode(raw, type=_Envelope).type
    if decoder := _UP.get(kind):
        return decoder.decode(raw)
    raise msgspec.ValidationError("this type of message is not known")


def decode_down(raw: str | bytes) -> Welcome | Request | Cancel | Purge:
    """A gateway's message; raises `msgspec.DecodeError` for what is none."""
    message: Welcome | Request | Cancel | Purge = _DOWN.decode(raw)
    return message


def encode(message: Up | Down) -> str:
    """As it is sent."""
    return msgspec.json.encode(message).decode()
