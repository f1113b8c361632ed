"""Text cut where a voice pauses, so that the first words are heard while the rest is spoken."""

import itertools
import re

# A full stop, question or exclamation mark of any script, its closing quotes, then a space (or
# none, in scripts that write without).
_END = re.compile(r"(?<=[.!?…؟।])[\"'»”’)]*\s+|(?<=[。！？])")


def sentences(text: str) -> list[str]:
    """The sentences of `text`, in order; joined they lose nothing but white space at the cuts."""
    cuts = [0, *(match.end() for match in _END.finditer(text)), len(text)]
    parts = (text[start:end].strip() for start, end in itertools.pairwise(cuts))
    return [part for part in parts if part]
