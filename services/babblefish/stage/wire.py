"""What a stage and its callers agree on, whichever stage it is.

Requests carry the milliseconds that are left, answers how much work the stage has; what went
wrong is a `Failure` in the body.
"""

import math
from typing import Literal

import msgspec
from msgspec import Struct

from babblefish.errors import StageBusy, StageDown, StageError
from babblefish.stage import deadline

DEADLINE_HEADER = "babblefish-deadline-ms"
DEPTH_HEADER = "babblefish-depth"
MSGPACK = "application/msgpack"

Kind = Literal["busy", "late", "failed", "bad"]
STATUS: dict[Kind, int] = {"bad": 400, "failed": 500, "busy": 503, "late": 504}


class About(Struct, frozen=True):
    """What `/about` tells: `abilities` is the stage's own."""

    stage: str
    ready: bool
    depth: int
    abilities: msgspec.Raw


class Failure(Struct, frozen=True):
    """Why there is no answer."""

    kind: Kind
    happened: str
    remedy: str

    @classmethod
    def of(cls, error: Exception) -> "Failure":
        """What is told of an error; of one that is not meant for people, only that it was."""
        if isinstance(error, TimeoutError):
            return cls("late", "The deadline passed.", "Say it again.")
        if isinstance(error, StageError):
            kind: Kind = "busy" if isinstance(error, StageBusy) else "failed"
            return cls(kind, error.happened, error.remedy)
        if isinstance(error, msgspec.DecodeError):
            return cls("bad", "This is no request of ours.", f"{error}.")
        return cls("failed", "The stage failed.", "Its log says why.")

    def error(self) -> Exception:
        """The same, to be raised by the caller."""
        if self.kind == "late":
            return TimeoutError(self.happened)
        return (StageBusy if self.kind == "busy" else StageDown)(self.happened, self.remedy)


def deadline_ms() -> int | None:
    """What to tell whoever does a part of the work."""
    left = deadline.remaining_s()
    return None if math.isinf(left) else round(1000 * left)
