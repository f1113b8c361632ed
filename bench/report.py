"""How a figure is printed."""

from collections.abc import Sequence
from statistics import median


def heading(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}")


def figure(name: str, value: str, aim: str = "", met: bool | None = None) -> None:
    verdict = "" if met is None else ("met" if met else "MISSED")
    print(f"  {name:<52} {value:>16}   {aim:<14} {verdict}".rstrip())


def spread(values: Sequence[float], unit: str, digits: int = 0) -> str:
    """Median, and between what extremes."""
    low, middle, high = (f"{v:.{digits}f}" for v in (min(values), median(values), max(values)))
    return f"{middle} {unit} ({low}–{high})"
