"""The data folder: what a gateway keeps on its machine, readable by nobody else."""

import contextlib
import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babblefish.errors import DataFolderError, KeptFileError

_TOKEN_FILE = "join-token"  # noqa: S105 a name
_TOKEN_BYTES = 16


class DataFolder:
    """Files of a few kilobytes, each replaced as a whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One gateway at a time: two that start together must not make two authorities.

        Raises `DataFolderError`, also where a write inside fails.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_private()
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                yield
            finally:
                os.close(folder)
        except OSError as error:
            raise DataFolderError(
                f"The data folder {str(self.path)!r} cannot be used: {error.strerror}.",
                "Mend it, or name another with BABBLEFISH_DATA_DIR.",
            ) from error

    def read(self, name: str) -> bytes | None:
        """What is kept under `name`, if anything is; raises `KeptFileError`."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self.useless(name, error.strerror or "it cannot be read") from error

    def write(self, name: str, content: bytes) -> None:
        """Kept on the disk under `name` when this returns; a reader sees the former or this."""
        handle, draft = tempfile.mkstemp(prefix=f".{name}-", dir=self.path)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(self.path / name)
        except OSError:
            Path(draft).unlink(missing_ok=True)
            raise

    def useless(self, name: str, reason: str) -> KeptFileError:
        """The error to raise for a file that cannot be used."""
        return KeptFileError(
            f"{str(self.path / name)!r} cannot be used: {reason}.",
            "Put back a copy, or delete it: then a new one is made, and phones need the new one.",
        )

    def _check_private(self) -> None:
        """Who may write here could put an authority of their own in place of ours."""
        if self.path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(0, "others may write to it (`chmod go-w` ends that)")


def join_token(folder: DataFolder) -> str:
    """The token kept here, made at the first call; links stay good over a restart."""
    with folder.locked():
        kept = folder.read(_TOKEN_FILE)
        if kept is None:
            kept = secrets.token_urlsafe(_TOKEN_BYTES).encode()
            folder.write(_TOKEN_FILE, kept)
    token = kept.decode("ascii", "replace").strip()
    if not token or not token.isprintable() or not token.isascii():
        raise folder.useless(_TOKEN_FILE, "it holds no token")
    return token
