"""What phones and the gateway say to each other on `/ws/client`.

The contract is frozen: fields are added, none ever changes its meaning. Unknown fields are
ignored, so that a client written for a later server works with this one.
"""

import re
import unicodedata
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from babblefish.people import Person

PROTOCOL = 1
MAX_NAME = 64
MAX_TEXT = 2000
CLOSE_POLICY = 1008
CLOSE_TOO_BIG = 1009
CLOSE_FAILED = 1011
CLOSE_TRY_LATER = 1013
CLOSE_BAD_JOIN = 4400
CLOSE_TOKEN = 4401
CLOSE_ORIGIN = 4403
CLOSE_SESSION = 4404
CLOSE_JOIN_TIMEOUT = 4408
CLOSE_REPLACED = 4409
CLOSE_ENDED = 4410
CLOSE_LANGUAGE = 4415
CLOSE_FULL = 4429


class Refusal(Exception):
    """An input we do not take: the phone gets `error {code, message}`, then perhaps a close."""

    def __init__(self, code: str, message: str, close: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.close = close


# ── up: from a phone ─────────────────────────────────────────────────────────────────────────


class Up(Struct):
    """What a phone says."""


class Join(Up, tag="join"):
    """The first message, or the same keys as query parameters; `name` may be empty."""

    session: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    language: Annotated[str, Meta(min_length=1, max_length=35)]
    name: str = ""
    token: str | None = None
    consent: Annotated[str, Meta(max_length=32)] | None = None
    codecs: Annotated[tuple[str, ...], Meta(max_length=16)] = ("pcm16",)
    audio: Literal["base64", "binary"] = "base64"
    resume: str | None = None
    last_seq: Annotated[int, Meta(ge=0)] = 0


class EndOfSpeech(Up, tag="end_of_speech"):
    """The speaker let go of the button: what was heard is an utterance."""


class Text(Up, tag="text"):
    """Typed instead of spoken; with an `id`, one that is sent again after a drop is said once."""

    text: Annotated[str, Meta(min_length=1)]
    id: Annotated[str, Meta(max_length=64)] | None = None


class SetLanguage(Up, tag="set_language"):
    """From here on the participant speaks and hears this language."""

    language: Annotated[str, Meta(min_length=1, max_length=35)]


class SetName(Up, tag="set_name"):
    """From here on the participant is called this."""

    name: Annotated[str, Meta(min_length=1)]


class NameSpeaker(Up, tag="name_speaker"):
    """From here on this voice of the session is called that."""

    speaker_id: Annotated[str, Meta(max_length=64)]
    name: Annotated[str, Meta(min_length=1)]


class Consent(Up, tag="consent"):
    """The participant's word on the cloning of their voice: `voice` is yes, all else takes it back.

    `wording`: which version of the question they were shown.
    """

    consent: Annotated[str, Meta(max_length=32)]
    wording: Annotated[str, Meta(max_length=32)] = ""


class Played(Up, tag="played"):
    """Playout report: this utterance was heard to its end."""

    utterance_id: str


class Ping(Up, tag="ping"):
    """Are you there? Whatever `id` is comes back in the `pong`."""

    id: int | str | None = None


class Leave(Up, tag="leave"):
    """The participant goes, on purpose."""


_DECODERS: dict[str, msgspec.json.Decoder[Up]] = {
    str(kind.__struct_config__.tag): msgspec.json.Decoder(kind) for kind in Up.__subclasses__()
}


class _Envelope(Struct):
    type: str


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def decode(raw: str) -> Up:
    """A phone's text message; raises `Refusal` for what is none."""
    try:
        kind = _ENVELOPE.decode(raw).type
        if decoder := _DECODERS.get(kind):
            return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Refusal("bad_message", f"{error}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise Refusal("bad_json", "A text message is one JSON object with a `type`.") from None
    known = ", ".join(sorted(_DECODERS))
    raise Refusal("unknown_type", f"This type of message is not known. Known: {known}.")


def join_from_query(query: dict[str, str]) -> Join:
    """The `join` that simple clients put into the address; raises `Refusal`."""
    fields: dict[str, object] = {key: value for key, value in query.items() if value}
    if "codecs" in query:
        fields["codecs"] = query["codecs"].split(",")
    try:
        return msgspec.convert({**fields, "type": "join"}, Join, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal("bad_message", f"{error}.", close=CLOSE_BAD_JOIN) from None


# Control characters, and the marks that let a name turn the text around it.
_UNSAFE = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def clean(text: str, limit: int) -> str:
    """One line of `text` without control and direction marks; raises `Refusal` if none is left."""
    bounded = text[: 8 * limit]
    printable = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in bounded)
    line = " ".join(_UNSAFE.sub("", unicodedata.normalize("NFC", printable)).split())
    if not line:
        raise Refusal("empty_text", "Nothing is left of this text but spaces and control marks.")
    if len(line) > limit:
        raise Refusal("too_long", f"This text is longer than {limit} characters.")
    return line


# ── down: to a phone. `Outbox` adds `seq` to every one ───────────────────────────────────────


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
