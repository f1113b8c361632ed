"""Who may open a line at all."""

import contextlib
from collections.abc import Collection, Iterator, Mapping

from babblefish.protocol import CLOSE_FULL, CLOSE_ORIGIN, Refusal


class Admission:
    """Origins and numbers."""

    def __init__(self, origins: Collection[str], max_phones: int) -> None:
        self._origins = tuple(origins)
        self._max_phones = max_phones
        self.phones = 0

    @contextlib.contextmanager
    def admitted(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Counted while the context is open; raises `Refusal`."""
        self._check_origin(headers.get("origin"), headers.get("host", ""))
        if self.phones >= self._max_phones:
            raise Refusal("server_full", f"{self._max_phones} phones are connected.", CLOSE_FULL)
        self.phones += 1
        try:
            yield
        finally:
            self.phones -= 1

    def _check_origin(self, origin: str | None, host: str) -> None:
        """Browsers name the page's origin; without this, any web page could join a LAN meeting."""
        if origin is None or origin in {f"http://{host}", f"https://{host}", *self._origins}:
            return
        raise Refusal(
            "foreign_origin", "Open the page that this server itself serves.", CLOSE_ORIGIN
        )
