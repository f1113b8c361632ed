"""How many replicas have work in hand: they say so themselves."""

import asyncio
from collections.abc import Iterable

import aiohttp

# Whoever joins meanwhile waits for it, and a replica whose pod is going may not answer at all.
_DEADLINE = aiohttp.ClientTimeout(total=0.3)
_PORT = 9001


async def busy(addresses: Iterable[str], port: int = _PORT) -> int | None:
    """Of the replicas at these addresses; None if one does not answer."""
    async with aiohttp.ClientSession(timeout=_DEADLINE) as session:
        asked = (_depth(session, f"http://{address}:{port}/about") for address in addresses)
        depths = await asyncio.gather(*asked)
    known = [depth for depth in depths if depth is not None]
    return sum(depth > 0 for depth in known) if len(known) == len(depths) else None


async def _depth(session: aiohttp.ClientSession, url: str) -> int | None:
    """Requests that it has taken on."""
    try:
        async with session.get(url) as answer:
            return int((await answer.json())["depth"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
        return None
