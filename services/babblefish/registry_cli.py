"""The registry's file, as commands open it."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from babblefish import settings as settings_module
from babblefish.errors import BabbleFishError, KeptFileError
from babblefish.registry.store import FILE, Store


@contextmanager
def opened(flags: Sequence[str], *, create: bool = False) -> Iterator[Store]:
    """The file of the data folder; whatever cannot be done ends the program with a sentence."""
    try:
        path = settings_module.load(flags).data_dir / FILE
        store = Store(path if create or path.exists() else None)
        try:
            yield store
        except sqlite3.Error as error:
            remedy = "Try again; if a gateway uses it, when that is idle."
            raise KeptFileError(f"{str(path)!r} cannot be used: {error}.", remedy) from error
        finally:
            store.close()
    except BabbleFishError as error:
        sys.exit(f"babblefish: {error}")
