"""What a translator stage and its callers send each other.

`POST /translate`: `TextRequest` → `dict[language, text]`; `POST /prepare`: `list[language]`.
`/listen?source=…&speaker=…` is a WebSocket, one utterance long: speech up as binary frames of
float32 little-endian at 16 kHz; requests up and answers down as JSON text, in
any order, matched by `id`.
"""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from babblefish.audio import Samples
from babblefish.stage.wire import Failure
from babblefish.translator.base import Translation


class Abilities(Struct, frozen=True):
    """What the translator can, as `Translator` has it."""

    speech: frozenset[str] = frozenset()
    text: frozenset[str] = frozenset()
    reach: Mapping[str, frozenset[str]] = {}


class TextRequest(Struct, frozen=True):
    """`Translator.translate_text`."""

    text: str
    source: str
    targets: list[str]


class Partial(Struct, frozen=True, tag="partial"):
    """`SpeechStream.partial`."""

    id: int


class Finish(Struct, frozen=True, tag="finish"):
    """`SpeechStream.finish`."""

    id: int
    targets: list[str]
    deadline_ms: int | None = None


class Cancel(Struct, frozen=True, tag="cancel"):
    """Nobody waits for that answer any more."""

    id: int


Request = Partial | Finish | Cancel


class Answer(Struct, frozen=True, omit_defaults=True):
    """To the request of this `id`: one of the three, and how much the stage has to do."""

    id: int
    depth: int
    partial: str = ""
    translation: Translation | None = None
    failure: Failure | None = None


def pack(samples: Samples) -> bytes:
    """Speech as it is sent: exactly, so that near and far hear the same."""
    return samples.astype("<f4").tobytes()


def unpack(data: bytes) -> Samples:
    """Speech as it was sent; raises `ValueError` for what is none."""
    return np.frombuffer(data, "<f4").astype(np.float32)
