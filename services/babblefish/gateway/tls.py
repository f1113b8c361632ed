"""The gateway's TLS, whose certificate follows the machine from network to network."""

import asyncio
import ssl

from babblefish.errors import BabbleFishError
from babblefish.gateway import certificates, links
from babblefish.gateway.folder import DataFolder
from babblefish.telemetry import log

_LOOK_S = 60

_log = log(__name__)


class Tls:
    """A server's context with a certificate for every name and address this machine has.

    Raises `DataFolderError` where nothing can be kept, `KeptFileError` for a broken authority.
    """

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._renew()
        self._load()

    async def keep_fresh(self) -> None:
        """Looks now and then, until it is cancelled; open connections keep what they have."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                if await asyncio.to_thread(self._renew):
                    self._load()  # on the loop's thread: no handshake may see half of it
            except (BabbleFishError, OSError) as error:
                _log.warning("certificate_not_renewed", reason=str(error))

    def _renew(self) -> bool:
        names = certificates.machine_names(links.lan_addresses())
        return certificates.renew(self._folder, names)

    def _load(self) -> None:
        self.context.load_cert_chain(self._folder.path / certificates.SERVER)
