"""Times and durations as Kubernetes writes them."""

import re
from datetime import UTC, datetime

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds(written: str) -> int:
    """`1h30m` → 5400; raises `ValueError` for what is no duration."""
    matched = _DURATION.fullmatch(written)
    if not matched or not written:
        raise ValueError(f"{written!r} is no duration")
    hours, minutes, rest = (int(part or 0) for part in matched.groups())
    return 3600 * hours + 60 * minutes + rest


def epoch(written: str) -> int:
    """`2026-11-21T01:00:00Z` → whole seconds since the epoch."""
    return int(datetime.fromisoformat(written).timestamp())


def rfc3339(at: float) -> str:
    """The other way round."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
