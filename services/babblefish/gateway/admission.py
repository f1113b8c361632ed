"""Who may open a line at all."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping

from babblefish import metrics
from babblefish.gateway.quota import Quotas
from babblefish.protocol import CLOSE_FULL, CLOSE_ORIGIN, Refusal
from babblefish.settings import Settings


class Admission:
    """Origins, numbers and rates."""

    def __init__(self, settings: Settings, quotas: Quotas) -> None:
        self._settings = settings
        self._by_address = Counter[str]()
        self._calls = quotas.calls
        self.phones = 0

    @contextlib.contextmanager
    def admitted(self, headers: Mapping[str, str], address: str) -> Iterator[bool]:
        """Counted while the context is open; raises `Refusal`.

        False for a page of no origin, opened as a file: only the join token speaks for it.
        """
        origin = headers.get("origin")
        self._check_origin(origin, headers.get("host", ""))
        self._check_room(address)
        self.phones += 1
        self._by_address[address] += 1
        metrics.PHONES.inc()
        try:
            yield origin != "null"
        finally:
            self.phones -= 1
            metrics.PHONES.dec()
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def _check_origin(self, origin: str | None, host: str) -> None:
        """Browsers name the page's origin; without this, any web page could join a LAN meeting."""
        own = {f"http://{host}", f"https://{host}"}
        if origin is None or origin in own or origin in self._settings.allowed_origins:
            return
        if origin == "null" and self._settings.token:
            return
        raise Refusal(
            "foreign_origin", "Open the page that this server itself serves.", CLOSE_ORIGIN
        )

    def _check_room(self, address: str) -> None:
        self._calls.spend({"address": address, "server": ""}, close=CLOSE_FULL)
        if self.phones >= (limit := self._settings.max_phones):
            raise Refusal("server_full", f"{limit} phones are connected.", CLOSE_FULL)
        if self._by_address[address] >= (limit := self._settings.max_phones_per_address):
            raise Refusal("address_full", f"{limit} phones are connected from there.", CLOSE_FULL)
