"""Text cut where a voice pauses, so that the first words are heard while the rest is spoken."""

import itertools
import re
from collections.abc import Iterable

# A full stop, question or exclamation mark of any script, its closing quotes, then a space (or
# none, in scripts that write without).
_END = re.compile(r"(?<=[.!?…؟।])[\"'»”’)]*\s+|(?<=[。！？])")

# A comma, semicolon or colon of any script with a space after it, or a dash between two.
_CLAUSE = re.compile(r"(?<=[,;:،؛])\s+|(?<=\s[–—-])\s+|(?<=[，、；：])")

_MIN_CLAUSE = 12
"""Characters: less sounds clipped, spoken alone."""

_TIMES_REAL_TIME = 4
"""How much longer than the first clause the rest may be, to be spoken by the time it is heard."""


def sentences(text: str) -> list[str]:
    """The sentences of `text`, in order; joined they lose nothing but white space at the cuts."""
    return _cut(text, (match.end() for match in _END.finditer(text)))


def pieces(text: str) -> list[str]:
    """The sentences, the first of them cut after its first clause, for that is waited for."""
    first, *rest = sentences(text) or [""]
    return [*_cut(first, _first_clause(first)), *rest]


def _first_clause(sentence: str) -> list[int]:
    longest = len(sentence) - _MIN_CLAUSE
    shortest = max(_MIN_CLAUSE, len(sentence) // (1 + _TIMES_REAL_TIME))
    ends = (match.end() for match in _CLAUSE.finditer(sentence))
    return list(itertools.islice((end for end in ends if shortest <= end <= longest), 1))


def _cut(text: str, ends: Iterable[int]) -> list[str]:
    cuts = [0, *ends, len(text)]
    parts = (text[start:end].strip() for start, end in itertools.pairwise(cuts))
    return [part for part in parts if part]
