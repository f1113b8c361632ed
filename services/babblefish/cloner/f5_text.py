"""Text in pieces that F5 speaks at a time; it plans how long they take by their UTF-8 bytes."""

import re

LONGEST_S = 22.0
"""Reference and speech together, as f5-tts has it."""

_SHORT = 10
_SHORT_PACE = 0.3
"""A word alone is spoken slower, as f5-tts has it."""

_PAUSE = re.compile(r"(?<=[.!?…;:,؟،])\s+|(?<=[。！？，；：、])")


def pieces(text: str, most_bytes: int) -> list[str]:
    """As few as possible, cut where a voice pauses, else between words, else anywhere."""
    packed: list[str] = []
    for clause in filter(None, _PAUSE.split(text.strip())):
        for part in _short_enough(clause, most_bytes):
            if packed and _size(f"{packed[-1]} {part}") <= most_bytes:
                packed[-1] += f" {part}"
            else:
                packed.append(part)
    return packed


def most_bytes(prompt: str, seconds: float) -> int:
    """Of a piece after a reference of so many `seconds`, at its pace."""
    return max(1, int(_size(prompt) / seconds * (LONGEST_S - seconds)))


def frames(text: str, prompt: str, prompt_frames: int) -> int:
    """How long `text` takes at the pace of the prompt."""
    pace = _SHORT_PACE if _size(text) < _SHORT else 1.0
    return max(1, int(prompt_frames / max(1, _size(prompt)) * _size(text) / pace))


def _short_enough(clause: str, most: int) -> list[str]:
    """Words of a clause in pieces."""
    if _size(clause) <= most:
        return [clause]
    parts = [""]
    for word in clause.split():
        for letters in _spelt(word, most):
            if parts[-1] and _size(f"{parts[-1]} {letters}") <= most:
                parts[-1] += f" {letters}"
            else:
                parts.append(letters)
    return parts[1:]


def _spelt(word: str, most: int) -> list[str]:
    """A word, or so many letters at a time of what is none."""
    if _size(word) <= most:
        return [word]
    width = max(1, most // max(_size(letter) for letter in word))
    return [word[at : at + width] for at in range(0, len(word), width)]


def _size(text: str) -> int:
    return len(text.encode())
