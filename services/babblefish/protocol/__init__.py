"""What phones and the gateway say to each other on `/ws/client`.

The contract is frozen: fields are added, none ever changes its meaning. Unknown fields are
ignored, so that a client written for a later server works with this one.
"""

import re
import unicodedata

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
