"""Whether the event loop still runs: it says so itself, again and again."""

import asyncio
import time


class Heartbeat:
    """Beaten by a task of the loop, read by any thread."""

    def __init__(self, interval_s: float, stale_s: float) -> None:
        self._interval_s = interval_s
        self._stale_s = stale_s
        self._last = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    @property
    def age_s(self) -> float:
        """Seconds since the last beat, at first since the start."""
        return time.monotonic() - self._last

    @property
    def stale(self) -> bool:
        """Whether the loop is blocked, or its task gone."""
        return self.age_s > self._stale_s

    def start(self) -> None:
        """Beats from now on, in the running loop."""
        self._task = asyncio.create_task(self._beat(), name="heartbeat")

    async def stop(self) -> None:
        """Beats no more."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _beat(self) -> None:
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(self._interval_s)
