"""Who people are to each other: names, and the number that gives each a colour and a voice."""

from collections.abc import Iterable
from itertools import count
from typing import Literal

from msgspec import Struct

PALETTE = (
    "#0280f7", "#c8680b", "#099645", "#c952c2", "#079096", "#9e7e10",
    "#9466f1", "#e94646", "#6b8e00", "#008dba", "#e04690", "#1f9180",
)  # fmt: skip
"""Of one luminance, and twelve hues: 3:1 or more beside everything that the page draws upon, in
light and in dark (WCAG 2.2, success criterion 1.4.11).
"""


class Person(Struct, frozen=True):
    """A participant, as others see them.

    `voice` is a small number, another for everybody in the session: it chooses their stock voice,
    and `color`, `#rrggbb`. `named`: who gave the name. The phone, by its `join` or later; the
    server, to one that gave none; or a voice that the session knew before.
    """

    client_id: str
    name: str
    language: str
    voice: int = 0
    color: str = PALETTE[0]
    named: Literal["phone", "server", "voice"] = "phone"


class Speaker(Struct, frozen=True):
    """Whose voice something was said in; `id` is a participant's, or of a voice that has none."""

    id: str
    name: str
    number: int = 0

    @property
    def color(self) -> str:
        """See `color_of`."""
        return color_of(self.number)


def color_of(number: int) -> str:
    """`#rrggbb` for a person's number; beyond twelve people colours are shared."""
    return PALETTE[number % len(PALETTE)]


def name_of(number: int) -> str:
    """What somebody is called who told no name."""
    return f"Speaker {number + 1}"


def lowest_free(taken: Iterable[int]) -> int:
    """The first number that nobody has."""
    used = set(taken)
    return next(number for number in count() if number not in used)
