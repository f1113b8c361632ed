"""Whether reconciling goes on: the loop that does it says so itself, again and again."""

import time


class Heartbeat:
    """Beaten by the reconciling task, read by any thread."""

    def __init__(self, stale_s: float) -> None:
        self._stale_s = stale_s
        self._last = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since the last beat, at first since the start."""
        return time.monotonic() - self._last

    @property
    def stale(self) -> bool:
        """Whether the loop is blocked, or its task gone."""
        return self.age_s > self._stale_s

    def beat(self) -> None:
        """It runs."""
        self._last = time.monotonic()
