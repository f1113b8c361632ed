"""What a fine-tune writes while it runs: one that was interrupted goes on from there."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

_PRIVATE = 0o700
_UNFINISHED = "unfinished"


class Scratch:
    """A folder a voice in `folder`; there is none where nothing lasts."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def of(self, voice: str) -> Iterator[Path]:
        """Nobody else may look; it goes when the run is over, unless that is interrupted."""
        if self._folder is None:
            raise ValueError("Nothing lasts here.")
        folder = self._folder / voice
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        folder.chmod(_PRIVATE)
        try:
            yield folder
        except KeyboardInterrupt:
            raise
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, wanted: Callable[[str], bool]) -> None:
        """Deletes what is of voices that are not wanted."""
        for folder in self._folder.glob("*") if self._folder else ():
            if not wanted(folder.name):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """What is written where this says comes into `folder` once it is whole: a run may be killed."""
    draft = folder / _UNFINISHED
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    yield draft
    for file in draft.iterdir():
        file.replace(folder / file.name)
