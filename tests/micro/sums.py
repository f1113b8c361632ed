"""Checksums of a checkpoint, in the format of `sha256sum -c`."""

from hashlib import sha256
from pathlib import Path

NAME = "SHA256SUMS"


def sign(folder: Path) -> None:
    """Writes the sum of every file in it."""
    files = sorted(path for path in folder.iterdir() if path.name != NAME)
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / NAME).write_text("".join(lines))


def spoiled(folder: Path) -> set[str]:
    """The files that are not what was signed, lack, or were never signed."""
    lines = (folder / NAME).read_text().splitlines()
    signed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    found = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del found[NAME]
    return {name for name in signed | found if signed.get(name) != found.get(name)}
