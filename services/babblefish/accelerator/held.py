"""Whose voices are on this laptop: in memory, and in what the engine computed of them."""

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping

from babblefish import metrics
from babblefish.accelerator.mouth import Mouth
from babblefish.accelerator.references import References
from babblefish.cloner.base import Reference


class Held:
    """A speaker counts as held until the engine has forgotten them, too."""

    def __init__(self, mouth: Mouth, references: References) -> None:
        self._mouth = mouth
        self._references = references
        self._going: dict[asyncio.Task[None], Collection[str]] = {}

    @property
    def speakers(self) -> set[str]:
        """All of whom there is anything."""
        return {
            *self._references.speakers,
            *(who for going in self._going.values() for who in going),
        }

    def find(self, speaker: str) -> Reference | None:
        """The speaker's reference."""
        return self._references.find(speaker)

    def keep(self, speaker: str, reference: Reference) -> None:
        """In place of an older one."""
        self._let_go(self._references.put(speaker, reference))

    def expire(self) -> None:
        """What was not used for long goes."""
        self._let_go(self._references.expire())

    def forget(self, speakers: Iterable[str]) -> Awaitable[object]:
        """They are not to be found any more; once that was awaited, nothing of them is left."""
        wanted = set(speakers)
        self._let_go(self._references.remove(wanted))
        going = [task for task, who in self._going.items() if not wanted.isdisjoint(who)]
        return asyncio.gather(*map(asyncio.shield, going))

    def _let_go(self, gone: Mapping[str, Reference]) -> None:
        metrics.ACCELERATOR_VOICES.set(len(self._references.speakers))
        if gone:
            going = asyncio.create_task(
                self._mouth.forget([reference.id for reference in gone.values()])
            )
            self._going[going] = list(gone)
            going.add_done_callback(self._going.pop)
