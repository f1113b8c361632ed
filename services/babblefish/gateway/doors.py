"""What a gateway needs before it can be called: open ports, a certificate, a join token."""

import secrets
import socket
from collections.abc import Iterator

from pydantic import SecretStr

from babblefish.errors import DataFolderError
from babblefish.gateway import folder as data_folder
from babblefish.gateway import links
from babblefish.gateway.folder import DataFolder
from babblefish.gateway.tls import Tls
from babblefish.settings import Settings
from babblefish.stage.door import listen


class Doors:
    """Opened ports; `settings` says what came of those that were asked for.

    Raises `SettingsError` for a port that is taken, `KeptFileError` for a broken file. A folder
    that nothing can be kept in costs https, not the gateway: that is a warning.
    """

    def __init__(self, settings: Settings) -> None:
        self.warnings: list[str] = []
        host = settings.host
        self.plain = listen(host, settings.port, "PORT=… or BABBLEFISH_PORT")
        folder = DataFolder(settings.data_dir)
        self.tls = self._tls(folder) if settings.tls else None
        self.secure = (
            listen(host, settings.secure_port, "BABBLEFISH_HTTPS_PORT") if self.tls else None
        )
        self.admin = (
            None
            if settings.admin_port is None
            else listen(host, settings.admin_port, "BABBLEFISH_ADMIN_PORT")
        )
        self.settings = settings.model_copy(
            update={
                "port": _port(self.plain),
                "https_port": _port(self.secure) if self.secure else None,
                "tls": self.tls is not None,
                "join_token": SecretStr(settings.token or self._token(folder)),
            }
        )

    def invitation(self, *, with_code: bool) -> Iterator[str]:
        """What to print for whoever brings a phone: links, and a code to scan."""
        scheme, port = ("https", self.settings.secure_port)
        if not self.tls:
            scheme, port = "http", self.settings.port
        hosts = links.reachable(self.settings.host, links.lan_addresses())
        origins = [links.origin(scheme, host, port) for host in hosts]
        joins = [links.join_link(origin, token=self.settings.token) for origin in origins]
        for join in joins:
            yield f"Phones: {join}"
        if with_code:
            yield links.qr_text(joins[0])
        if self.tls:
            page = links.origin("http", hosts[0], self.settings.port)
            yield f"The first time, each phone learns to trust this machine: {page}/install"
        else:
            yield "Over http, browsers give a phone's page no microphone; typing works."

    def _tls(self, folder: DataFolder) -> Tls | None:
        try:
            return Tls(folder)
        except DataFolderError as error:
            self.warnings.append(f"No https, so phones get no microphone. {error}")
            return None

    def _token(self, folder: DataFolder) -> str:
        """The kept one; where nothing can be kept, one that lasts until the gateway ends."""
        try:
            return data_folder.join_token(folder)
        except DataFolderError as error:
            if not self.warnings:
                self.warnings.append(f"Links are good until this ends only. {error}")
            return secrets.token_urlsafe()


def _port(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port
