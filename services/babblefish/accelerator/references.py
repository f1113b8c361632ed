"""The voices that a laptop holds: in memory only, bounded, and not for long."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from babblefish.cloner.base import Reference
from babblefish.cloner.wire import MAX_VOICES

MOST_BYTES = 256 << 20
UNUSED_S = 3600.0


@dataclass
class _Kept:
    reference: Reference
    used_at: float

    @property
    def size(self) -> int:
        return size(self.reference)


def size(reference: Reference) -> int:
    """Bytes in memory."""
    return reference.audio.samples.nbytes + len(reference.adapter) + 4 * len(reference.text)


class References:
    """One reference a speaker; the least recently used goes first.

    What goes is returned, so that its traces elsewhere can go, too.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most_bytes: int = MOST_BYTES
    ) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    @property
    def speakers(self) -> list[str]:
        """Whose there are."""
        return list(self._kept)

    @property
    def bytes(self) -> int:
        """All together."""
        return sum(kept.size for kept in self._kept.values())

    def find(self, speaker: str) -> Reference | None:
        """The speaker's; used now."""
        kept = self._kept.get(speaker)
        if kept is None:
            return None
        kept.used_at = self._clock()
        self._kept.move_to_end(speaker)
        return kept.reference

    def put(self, speaker: str, reference: Reference) -> dict[str, Reference]:
        """What went for it, by speaker; itself, if it alone is more than is kept."""
        gone = self.remove({speaker})
        if (old := gone.get(speaker)) and old.id == reference.id:
            gone = {}
        self._kept[speaker] = _Kept(reference, self._clock())
        while len(self._kept) > MAX_VOICES or self.bytes > self._most_bytes:
            first, kept = self._kept.popitem(last=False)
            gone[first] = kept.reference
        return gone

    def remove(self, speakers: Collection[str]) -> dict[str, Reference]:
        """What went."""
        return {
            speaker: self._kept.pop(speaker).reference
            for speaker in speakers
            if speaker in self._kept
        }

    def expire(self) -> dict[str, Reference]:
        """What was not used for an hour goes."""
        latest = self._clock() - UNUSED_S
        return self.remove([name for name, kept in self._kept.items() if kept.used_at <= latest])
