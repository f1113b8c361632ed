"""How long the work at hand may still take: set once, passed along to whoever does a part of it."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from contextvars import ContextVar

_LATEST = ContextVar("latest", default=math.inf)


@contextlib.asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """The block ends in time, or with `TimeoutError`; a deadline around it still holds."""
    loop = asyncio.get_running_loop()
    latest = min(_LATEST.get(), loop.time() + seconds)
    outer = _LATEST.set(latest)
    try:
        async with asyncio.timeout_at(None if math.isinf(latest) else latest):
            yield
    finally:
        _LATEST.reset(outer)


def remaining_s() -> float:
    """Seconds that are left; infinite where nobody set a deadline."""
    return max(0.0, _LATEST.get() - asyncio.get_running_loop().time())
