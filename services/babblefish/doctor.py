"""What this machine can run, what is missing, and what to do about it."""

import asyncio
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from cryptography.hazmat.primitives import hashes

from babblefish.errors import BabbleFishError
from babblefish.gateway import certificates, links
from babblefish.gateway.engines import Engines
from babblefish.gateway.folder import DataFolder
from babblefish.protocol.down import Languages
from babblefish.settings import Settings
from babblefish.stage.cores import available_cores
from babblefish.stage.door import listen

_GIB = 1 << 30
_PATIENCE_S = 20.0
_ENOUGH_GIB = 1.0


class Check(NamedTuple):
    """One thing that was looked at."""

    mark: str
    what: str
    found: str
    remedy: str = ""

    @property
    def fatal(self) -> bool:
        """Whether the profile cannot run without it."""
        return self.mark == "✗"

    def line(self) -> str:
        """For a person."""
        return f"{self.mark} {self.what:<12} {self.found}{f' {self.remedy}' * bool(self.remedy)}"


def examine(settings: Settings) -> list[Check]:
    """Everything that a gateway with these settings needs; nothing is changed by looking."""
    return [
        _good("Python", platform.python_version()),
        _hardware(),
        *_engines(settings),
        *_ports(settings),
        _data_folder(settings.data_dir),
        _addresses(settings),
        *([_certificate(DataFolder(settings.data_dir))] if settings.tls else []),
    ]


def _good(what: str, found: str) -> Check:
    return Check("✓", what, found)


def _limited(what: str, found: str, remedy: str) -> Check:
    return Check("–", what, found, remedy)


def _missing(what: str, error: BabbleFishError) -> Check:
    return Check("✗", what, error.happened, error.remedy)


def _hardware() -> Check:
    free = psutil.virtual_memory().available / _GIB
    found = f"{available_cores()} cores, {free:.1f} GiB of memory free."
    if free < _ENOUGH_GIB:
        return _limited("machine", found, "End something else: engines may be killed.")
    return _good("machine", found)


def _engines(settings: Settings) -> Iterator[Check]:
    try:
        engines = Engines(settings.model_copy(update={"threads": 1}))
    except BabbleFishError as error:
        yield _missing("engines", error)
        return
    yield asyncio.run(_tried(engines, settings))
    yield _languages(engines.languages)


async def _tried(engines: Engines, settings: Settings) -> Check:
    """An engine that is installed may still not work, so each is asked for a word."""
    named = f"{settings.translator}, {settings.synthesizer}"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await engines.start()
        languages = engines.languages
        for source in languages.write[:1]:
            await engines.translator.translate_text("no", source, languages.read)
        for target in languages.hear[:1]:
            await anext(aiter(engines.synthesizer.speak("no", target)))
    except BabbleFishError as error:
        return _missing("engines", error)
    except TimeoutError:
        return Check("✗", "engines", f"{named} do not answer.", "Are the stages up?")
    except Exception as error:  # noqa: BLE001 engines are other people's programs
        return Check("✗", "engines", f"{named} do not start: {error!r}.", "Install them again.")
    finally:
        await engines.stop()
    return _good("engines", f"{named} start and answer.")


def _languages(languages: Languages) -> Check:
    lists = {"spoken": languages.speak, "read": languages.read, "heard": languages.hear}
    found = "; ".join(f"{how}: {' '.join(known) or 'none'}" for how, known in lists.items())
    if len(languages.read) < 2:
        remedy = "Install pairs, as in `apt-get install apertium apertium-eng-spa`."
        return Check("✗", "languages", f"Nothing to translate into ({found}).", remedy)
    return _good("languages", found)


def _ports(settings: Settings) -> Iterator[Check]:
    yield _port(settings, "http", settings.port, "PORT=…")
    if settings.tls:
        yield _port(settings, "https", settings.secure_port, "BABBLEFISH_HTTPS_PORT")


def _port(settings: Settings, what: str, port: int, setting: str) -> Check:
    """A taken one may well be a BabbleFish that runs."""
    try:
        listen(settings.host, port, setting).close()
    except BabbleFishError as error:
        return _limited(what, error.happened, error.remedy)
    return _good(what, f"Port {port} is free.")


def _data_folder(path: Path) -> Check:
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return _good("data folder", str(path))
    found = f"{str(path)!r} cannot be written."
    return _limited("data folder", found, "Without it there is no https: set BABBLEFISH_DATA_DIR.")


def _addresses(settings: Settings) -> Check:
    addresses = links.lan_addresses()
    if not addresses:
        return _limited("network", "No address.", "Phones reach this machine on a network only.")
    if settings.host not in ("0.0.0.0", "::"):  # noqa: S104 compared, not bound
        return _limited("network", f"Listens on {settings.host} only.", "BABBLEFISH_HOST says so.")
    return _good("network", ", ".join(addresses))


def _certificate(folder: DataFolder) -> Check:
    try:
        authority = certificates.authority_certificate(folder)
    except BabbleFishError as error:
        return _missing("certificate", error)
    server = certificates.server_pair(folder)
    if authority is None or server is None:
        return _limited("certificate", "None yet.", "The first `serve` makes one.")
    digest = authority.fingerprint(hashes.SHA256()).hex(":").upper()
    return _good("certificate", f"{server.days_left} days left; authority SHA-256 {digest}")
