"""Kubernetes' quantities: `500m`, `2`, `1536Mi`, `1e3`."""

import re
from fractions import Fraction

_FORM = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkKMGTPE]i?)?")
_SUFFIXES = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTPE", 1)}


def quantity(written: str | float) -> Fraction:
    """Exactly what is written, in the unit of the resource: cores, bytes, pods.

    Raises `ValueError` for what is none.
    """
    matched = _FORM.fullmatch(str(written))
    if not matched:
        raise ValueError(f"{written!r} is no quantity")
    number, suffix = matched.groups()
    return Fraction(number) * _unit(suffix)


def _unit(suffix: str | None) -> Fraction:
    if not suffix:
        return Fraction(1)
    if suffix in _BINARY:
        return Fraction(_BINARY[suffix])
    return Fraction(10) ** _SUFFIXES[suffix]
