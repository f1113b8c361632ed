"""How long to wait before dialling again: exponential, with full jitter.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/: laptops that lost the
same gateway do not all come back at once.
"""

import random

SHORTEST_S = 0.5
LONGEST_S = 30.0


class Backoff:
    """Waits in seconds; each failure doubles what the next may last."""

    def __init__(self, dice: random.Random | None = None) -> None:
        self._dice = dice or random.Random()  # noqa: S311 no secret
        self._most_s = SHORTEST_S

    def failed(self) -> float:
        """What to wait after a failure."""
        most_s = self._most_s
        self._most_s = min(LONGEST_S, 2 * most_s)
        return self._dice.uniform(0, most_s)

    def refused(self) -> float:
        """What to wait where asking again helps nobody, before somebody mended something."""
        return self._dice.uniform(LONGEST_S / 2, LONGEST_S)

    def well(self) -> None:
        """The next failure is the first one again."""
        self._most_s = SHORTEST_S
