"""From which cosine on two voiceprints are one voice: measured on recordings of known people."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from babblefish.errors import SettingsError, StageError
from babblefish.speaker.base import SpeakerEncoder, Voiceprint
from babblefish.speaker.recordings import recordings

FALSE_ACCEPT = 0.01
"""What a meeting bears of strangers who are taken for somebody."""


class Operating(NamedTuple):
    """A threshold, and how often it is wrong: shares in 0 … 1."""

    threshold: float
    accepted: float
    """Of pairs of two people, those that are taken for one."""
    missed: float
    """Of pairs of one person, those that are taken for two."""


class Calibration(NamedTuple):
    """Error rates over all pairs of recordings."""

    genuine: int
    impostors: int
    equal: Operating
    """Where both errors are as frequent."""
    strict: Operating
    """Where `FALSE_ACCEPT` of the impostors are accepted, or fewer."""


async def measured(
    encoder: SpeakerEncoder, source: Path, tell: Callable[[str], None]
) -> Calibration:
    """Of an encoder that is not yet started, see `calibrate`."""
    try:
        await encoder.start()
        return await calibrate(encoder, source, tell)
    finally:
        await encoder.stop()


async def calibrate(
    encoder: SpeakerEncoder, source: Path, tell: Callable[[str], None]
) -> Calibration:
    """Embeds every recording (see `recordings`); those that give no voiceprint are told.

    Raises `SettingsError` if too few are left to compare.
    """
    prints: dict[str, list[Voiceprint]] = defaultdict(list)
    for recording in recordings(source):
        if recording.skipped:
            tell(f"{recording.name} {recording.skipped}: skipped.")
            continue
        try:
            prints[recording.speaker].append(await encoder.embed(recording.speech))
        except StageError as error:
            tell(f"{recording.name}: {error.happened} Skipped.")
    return calibration(prints)


def calibration(prints: Mapping[str, Sequence[Voiceprint]]) -> Calibration:
    """Of voiceprints by who they are of; raises `SettingsError` if there are no two to compare."""
    genuine, impostors = _cosines(prints)
    if not len(genuine) or not len(impostors):
        raise SettingsError(
            "There is too little to compare.", "Record two people at least, one of them twice."
        )
    thresholds = _thresholds(np.concatenate([genuine, impostors]))
    accepted = 1 - np.searchsorted(np.sort(impostors), thresholds) / len(impostors)
    missed = np.searchsorted(np.sort(genuine), thresholds) / len(genuine)
    unequal = np.abs(accepted - missed)
    equal = _middle(np.flatnonzero(unequal == unequal.min()))
    strict = max(equal, int(np.flatnonzero(accepted <= FALSE_ACCEPT)[0]))
    points = [
        Operating(float(thresholds[at]), float(accepted[at]), float(missed[at]))
        for at in (equal, strict)
    ]
    return Calibration(len(genuine), len(impostors), *points)


def lines(result: Calibration) -> list[str]:
    """For a person: the rates, and what to set."""
    equal, strict = result.equal, result.strict
    return [
        f"{result.genuine} pairs of one voice, {result.impostors} of two.",
        f"equal error rate {(equal.accepted + equal.missed) / 2:.1%} at {equal.threshold:.3f}",
        f"{strict.accepted:.1%} of two voices taken for one, {strict.missed:.1%} of one for two, "
        f"at {strict.threshold:.3f}",
        f"Set BABBLEFISH_SPEAKER_THRESHOLD={strict.threshold:.2f}.",
    ]


def _cosines(
    prints: Mapping[str, Sequence[Voiceprint]],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Of every pair of one voice, and of every pair of two."""
    whose = [speaker for speaker, own in prints.items() for _ in own]
    if not whose:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    voices = np.stack(list(itertools.chain.from_iterable(prints.values())))
    pairs = np.triu_indices(len(voices), 1)
    names = np.array(whose)
    same = names[pairs[0]] == names[pairs[1]]
    cosines = (voices @ voices.T)[pairs]
    return cosines[same], cosines[~same]


def _thresholds(cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """One between every two cosines, and one beyond each end."""
    found = np.unique(cosines).astype(np.float64)
    between = (found[1:] + found[:-1]) / 2
    return np.concatenate([[found[0] - 1e-3], between, [found[-1] + 1e-3]])


def _middle(indices: npt.NDArray[np.intp]) -> int:
    return int(indices[len(indices) // 2])
