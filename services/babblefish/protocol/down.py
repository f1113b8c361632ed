"""What phones are told; `Outbox` adds `seq` to every message."""

from typing import Literal

import msgspec
from msgspec import Struct

from babblefish.people import Person
from babblefish.protocol import PROTOCOL


class Languages(Struct, frozen=True):
    """Computed from what is installed, so that no choice is a lie.

    speak: speech in it is understood; write: text in it is; read: what is said can be read
    in it; hear: and heard. ISO 639-1 where there is one, sorted.
    """

    speak: list[str]
    read: list[str]
    hear: list[str]
    write: list[str]


class Capabilities(Struct, frozen=True):
    """What this server can; clients written today ask servers of tomorrow."""

    codecs: tuple[str, ...] = ("pcm16",)
    binary_audio: bool = False
    cloning: bool = False
    partials: bool = True
    resume: bool = True


class Joined(Struct, frozen=True, tag="joined"):
    """The answer to `join`; to one that resumes, with the `seq` that the phone named.

    `received`: the bytes of audio that came so far; a phone that resumes goes on from there.
    """

    client_id: str
    session: str
    participants: list[Person]
    languages: Languages
    codec: str
    heartbeat_s: int
    protocol: int = PROTOCOL
    resume_token: str | None = None
    audio: Literal["base64", "binary"] = "base64"
    received: int = 0
    capabilities: Capabilities = Capabilities()


class Participants(Struct, frozen=True, tag="participants"):
    """Who is here, after every change."""

    participants: list[Person]


class Partial(Struct, frozen=True, tag="partial"):
    """A live caption. A final one replaces the rest; a final empty one withdraws them.

    `client_id`, here and in `Result`: whose phone it came from.
    """

    utterance_id: str
    speaker_id: str
    speaker_name: str
    language: str
    text: str
    final: bool
    text_id: str | None = None
    client_id: str = ""
    speaker_color: str = ""


class Result(Struct, frozen=True, tag="result"):
    """What somebody said, in the listener's language; `tts_audio` is a WAV, base64 on the wire.

    `latency_ms` runs from the arrival of the last frame with speech to this message.
    """

    utterance_id: str
    speaker_id: str
    speaker_name: str
    transcript: str
    translation: str
    source_language: str
    target_language: str
    tts_audio: bytes | None
    tts_voice: str | None
    has_f5_pending: bool
    latency_ms: int
    stages: dict[str, int]
    client_id: str = ""
    speaker_color: str = ""


class ClonedResult(Struct, frozen=True, tag="f5_result"):
    """The speech of an earlier `result`, in its speaker's own voice; follows `has_f5_pending`.

    `tts_audio` is a WAV that says of itself that it is synthetic. `timestamp`: when it was made, in
    seconds since 1970; `latency_ms` as in `result`.
    """

    utterance_id: str
    speaker_id: str
    speaker_name: str
    target_language: str
    tts_audio: bytes
    timestamp: float
    latency_ms: int
    tts_voice: Literal["f5_cloned"] = "f5_cloned"
    synthetic: Literal[True] = True
    client_id: str = ""
    speaker_color: str = ""


class Accelerator(Struct, frozen=True, tag="accelerator"):
    """Laptops came or went: how many there are, and the languages that they speak."""

    connected: int
    languages: list[str]


class ConsentState(Struct, frozen=True, tag="consent"):
    """What is recorded of the participant's word.

    `pending`: their voice is not known yet, it counts from their next sentence on. `revoked`:
    everything is deleted here, and on `purged` laptops; on those in `waiting` as soon as they are
    back, before they serve. `expires`: seconds since 1970.
    """

    state: Literal["none", "pending", "granted", "revoked"]
    speaker_id: str | None = None
    wording: str = ""
    expires: float | None = None
    purged: list[str] = []
    waiting: list[str] = []


class Policy(Struct, frozen=True, tag="policy"):
    """What is allowed in this session from now on, whatever `joined.capabilities` said."""

    cloning: bool


class TrainingProgress(Struct, frozen=True, tag="training_progress"):
    """How much of the participant's voice was collected: seconds, and how many will do.

    `ready`: it can be cloned. `trained`: by a model of its own, too.
    """

    speaker_id: str
    seconds: float
    needed_s: float
    samples: int
    ready: bool
    trained: bool = False


class SpeakerUpdate(Struct, frozen=True, tag="speaker"):
    """What a voice is called from now on; with `utterance_id`, that it was the one who said it."""

    speaker_id: str
    name: str
    color: str
    utterance_id: str | None = None


class Received(Struct, frozen=True, tag="received"):
    """So much audio of this participant is settled: the phone need not keep it."""

    bytes: int


class Pong(Struct, frozen=True, tag="pong"):
    """I am here."""

    id: int | str | None = None


class Error(Struct, frozen=True, tag="error"):
    """Why something was not done, and what is accepted instead."""

    code: str
    message: str


Down = (
    Joined
    | Participants
    | Partial
    | Result
    | ClonedResult
    | Accelerator
    | ConsentState
    | Policy
    | TrainingProgress
    | SpeakerUpdate
    | Received
    | Pong
    | Error
)

_ENCODER = msgspec.json.Encoder()


def encode(message: Down) -> bytes:
    """The message as JSON, not yet numbered."""
    return _ENCODER.encode(message)


def numbered(body: bytes, seq: int) -> bytes:
    """An encoded message with its `seq`, spliced in so that fan-out encodes once for all."""
    return b'{"seq":%d,' % seq + body[1:]
