"""What phones say. Unknown fields are ignored."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from babblefish.protocol import CLOSE_BAD_JOIN, Refusal


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
