"""How much may come in a minute: from one address, for one session, to the whole server."""

import time
from collections import OrderedDict
from collections.abc import Mapping

from babblefish.protocol import Refusal
from babblefish.settings import Settings

_REMEMBERED = 10_000


class Buckets:
    """A bucket a key: a minute's worth at once, then as fast as it fills again."""

    def __init__(self, per_minute: float) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def holds(self, key: str, amount: float) -> bool:
        """Whether so much may be taken now."""
        return self._level(key, time.monotonic()) >= amount

    def take(self, key: str, amount: float) -> None:
        """Takes it; whoever has not been seen for longest is forgotten."""
        now = time.monotonic()
        self._left[key] = self._level(key, now) - amount, now
        self._left.move_to_end(key)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)

    def _level(self, key: str, now: float) -> float:
        left, filled_at = self._left.get(key, (self._per_minute, now))
        return min(self._per_minute, left + (now - filled_at) * self._per_minute / 60)


class Quota:
    """One resource, capped in several scopes at once: all of them grant it, or none is charged."""

    def __init__(self, resource: str, per_minute: Mapping[str, float]) -> None:
        self._resource = resource
        self._scopes = {scope: Buckets(limit) for scope, limit in per_minute.items()}
        self._limits = per_minute

    def spend(self, keys: Mapping[str, str], amount: float = 1, close: int | None = None) -> None:
        """Charges `keys` (scope: key); raises `Refusal`, which names the scope that is used up."""
        for scope, key in keys.items():
            if not self._scopes[scope].holds(key, amount):
                raise Refusal(
                    f"too_many_{self._resource}",
                    f"At most {self._limits[scope]:.0f} {self._resource} a minute are taken "
                    f"per {scope}. Wait a moment.",
                    close,
                )
        for scope, key in keys.items():
            self._scopes[scope].take(key, amount)


class Quotas:
    """Everything that is counted by the minute."""

    def __init__(self, settings: Settings) -> None:
        self.calls = _quota(settings, "calls")
        self.bytes = _quota(settings, "bytes")
        self.utterances = _quota(settings, "utterances")


def _quota(settings: Settings, resource: str) -> Quota:
    limit = f"max_{resource}_per_minute"
    return Quota(
        resource,
        {
            "address": getattr(settings, f"{limit}_per_address"),
            "session": getattr(settings, f"{limit}_per_session"),
            "server": getattr(settings, limit),
        },
    )
