"""What a laptop believes of what a gateway asks: bounded, and never trusted."""

from collections.abc import Collection

from babblefish import audio
from babblefish.cloner.base import Reference
from babblefish.cloner.wire import ReferenceSent, Request
from babblefish.errors import StageError

MOST_ID = 64
MOST_TEXT = 2000
MOST_REFERENCE_S = 30.0
MOST_ADAPTER = 8 << 20
_LONGEST_S = 60.0


class Unusable(StageError):
    """What was asked for is not to be had here, whoever asks again."""


def answerable(request: Request) -> bool:
    """Whether an answer could name it."""
    return 0 < len(request.request_id) <= MOST_ID


def seconds(request: Request) -> float:
    """How long the gateway waits."""
    return min(max(request.deadline_ms, 0) / 1000, _LONGEST_S)


def check(request: Request, languages: Collection[str]) -> None:
    """Raises `Unusable` for a text that nobody says, another language, and ids that are none."""
    if request.language not in languages:
        raise Unusable("This language is not spoken here.", f"It is {', '.join(languages)}.")
    if not request.text.strip() or len(request.text) > MOST_TEXT:
        raise Unusable("This is no sentence.", f"Send 1 to {MOST_TEXT} characters.")
    if not 0 < len(request.speaker_id) <= MOST_ID or not 0 < len(request.reference_id) <= MOST_ID:
        raise Unusable("This is no voice.", f"Send ids of 1 to {MOST_ID} characters.")


def reference_of(sent: ReferenceSent) -> Reference:
    """As the engine takes it; raises `Unusable`."""
    if not 0 < len(sent.id) <= MOST_ID or len(sent.language) > MOST_ID:
        raise Unusable("This is no reference.", f"Send ids of 1 to {MOST_ID} characters.")
    if not sent.text.strip() or len(sent.text) > MOST_TEXT:
        raise Unusable("The reference says nothing.", f"Send 1 to {MOST_TEXT} characters.")
    if len(sent.adapter) > MOST_ADAPTER:
        raise Unusable("The reference's adapter is too large.", f"Send {MOST_ADAPTER} bytes.")
    try:
        heard = audio.from_wav(sent.audio, MOST_REFERENCE_S)
    except ValueError as error:
        raise Unusable("The reference cannot be heard.", f"{error}.") from error
    if not len(heard.samples):
        raise Unusable("The reference is empty.", "Send some seconds of speech.")
    return Reference(sent.id, heard, sent.text, sent.language, sent.adapter)
