"""What happened, for people: a timeline to read, and what each one heard as a WAV file."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from babblefish.audio import Audio, resample, to_wav
from demo.cast import Person
from demo.scene import Told, Turn

_RATE = 24_000


def lines(turns: Sequence[Turn]) -> Iterator[str]:
    """A paragraph a sentence: who got it when, and where the time went."""
    for turn in turns:
        yield f"{turn.from_s:6.2f} s  {_said(turn)}"
        yield f"{turn.to_s:6.2f} s  {turn.sentence.speaker.name} falls silent"
        yield from map(_line, sorted(turn.told, key=lambda told: told.at_s))
        yield from _recognition(turn)
        yield ""


def _said(turn: Turn) -> str:
    speaker, phone = turn.sentence.speaker, turn.sentence.phone
    where = "" if phone is speaker else f", into {phone.name}'s phone"
    return f"{speaker.name} ({speaker.language}{where}): {turn.sentence.said}"


def _line(told: Told) -> str:
    mark = "✓" if told.right else f"✗ (not {told.expected!r})"
    sound = f"hears {told.sound.seconds:.1f} s of {told.voice}" if told.sound else "hears nothing"
    listener = f"{told.listener.name} ({told.listener.language})"
    stages = " · ".join(f"{stage} {took} ms" for stage, took in told.stages.items())
    when = f"{told.at_s:6.2f} s    +{told.after_s:.2f} s"
    return f"{when}  {listener} reads {told.text!r} {mark}, {sound}\n{'':23}{stages}"


def _recognition(turn: Turn) -> Iterator[str]:
    for who in {told.who: None for told in turn.told}:
        mark = "✓" if turn.recognised else f"✗ (it was {turn.sentence.speaker.name})"
        yield f"{'':23}by voice: {_dot(who.color)} {who.name} {mark}"
    if turn.renamed:
        yield f"{'':23}{turn.renamed.name} tells all phones: that is {turn.sentence.speaker.name}"


def _dot(color: str) -> str:
    """As phones show it, where the terminal can (https://no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return color
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return f"\033[38;2;{red};{green};{blue}m●\033[0m"


def keep(turns: Sequence[Turn], folder: Path) -> list[Path]:
    """`<name>.wav` for each listener: what was played on their phone, when it was."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_kept(person, turns, folder) for person in _listeners(turns)]


def _listeners(turns: Sequence[Turn]) -> list[Person]:
    return sorted({told.listener for turn in turns for told in turn.told})


def _kept(person: Person, turns: Sequence[Turn], folder: Path) -> Path:
    theirs = (told for turn in turns for told in turn.told if told.listener == person)
    path = folder / f"{person.name.lower()}.wav"
    path.write_bytes(to_wav(_track(theirs)))
    return path


def _track(all_told: Iterable[Told]) -> Audio:
    """Silence until something comes; what comes while something is played waits for its end."""
    track = np.zeros(0, np.float32)
    for told in all_told:
        if told.sound:
            lead = max(0, round(told.at_s * _RATE) - len(track))
            played = resample(told.sound, _RATE).samples
            track = np.concatenate([track, np.zeros(lead, np.float32), played])
    return Audio(track, _RATE)
