"""The way from one language to another over installed translation pairs."""

from collections.abc import Iterable, Mapping

Pair = tuple[str, str]
"""Source and target of a direct translation."""

Path = tuple[str, ...]
"""Languages from source to target, both included: `("en", "es", "fr")`."""


class Pivots:
    """Shortest paths; of equally short ones that through the language with the most pairs.

    A hub's pairs are the ones that people use and mend: in Apertium that is Spanish.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._targets: dict[str, set[str]] = {}
        for source, target in pairs:
            self._targets.setdefault(source, set()).add(target)
        self._paths = {source: self._paths_from(source) for source in self._targets}

    @property
    def sources(self) -> frozenset[str]:
        """Languages that something can be translated from."""
        return frozenset(self._paths)

    def reachable(self, source: str) -> frozenset[str]:
        """Languages that `source` can be translated into."""
        return frozenset(self._paths.get(source, ())) - {source}

    def path(self, source: str, target: str) -> Path:
        """The way; raises `KeyError` if there is none."""
        return self._paths[source][target]

    def _paths_from(self, source: str) -> Mapping[str, Path]:
        """Breadth first, hubs first."""
        paths: dict[str, Path] = {source: (source,)}
        generation = [source]
        while generation:
            found: dict[str, Path] = {}
            for via in sorted(generation, key=self._rank):
                for target in sorted(self._targets.get(via, ())):
                    if target not in paths:
                        found.setdefault(target, (*paths[via], target))
            paths.update(found)
            generation = list(found)
        return paths

    def _rank(self, language: str) -> tuple[int, str]:
        return -len(self._targets.get(language, ())), language
