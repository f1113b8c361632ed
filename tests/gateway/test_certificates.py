import datetime
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from babblefish.errors import DataFolderError, KeptFileError
from babblefish.gateway import certificates
from babblefish.gateway.certificates import AUTHORITY, SERVER, machine_names, renew
from babblefish.gateway.folder import DataFolder, join_token
from tests.support.server import Server

NAMES = machine_names(["192.168.1.5"], hostname="fish")


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "kept")


def server_certificate(folder: DataFolder) -> x509.Certificate:
    pair = certificates.server_pair(folder)
    assert pair
    return pair.certificate


def trusting(folder: DataFolder) -> ssl.SSLContext:
    authority = certificates.authority_certificate(folder)
    assert authority
    return ssl.create_default_context(cadata=authority.public_bytes(Encoding.PEM).decode())


class _Clock(datetime.datetime):
    """A clock that is ahead."""

    ahead = datetime.timedelta()

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "_Clock":
        return super().now(tz) + cls.ahead


def test_who_trusts_the_authority_trusts_every_page_of_the_gateway(server: Server) -> None:
    context = trusting(DataFolder(server.data_dir))
    port = server.https.rpartition(":")[2]
    for host in ("localhost", "127.0.0.1"):
        answer = httpx.get(f"https://{host}:{port}/health", verify=context)
        assert answer.json() == {"status": "ok"}


def test_nobody_else_trusts_it(server: Server) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{server.https}/health", verify=ssl.create_default_context())


def test_the_certificate_is_one_that_phones_accept(folder: DataFolder) -> None:
    renew(folder, NAMES)
    found = server_certificate(folder)
    assert found.not_valid_after_utc - found.not_valid_before_utc <= datetime.timedelta(days=397)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(it.value) for it in names} >= {"localhost", "127.0.0.1", "::1", "192.168.1.5"}
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_authority_may_not_speak_for_sites_elsewhere(folder: DataFolder) -> None:
    renew(folder, [*NAMES, "bank.example"])
    authority = certificates.authority_certificate(folder)
    assert authority
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    names = server_certificate(folder).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "bank.example" not in names.value.get_values_for_type(x509.DNSName)


def test_keys_are_for_nobody_else(folder: DataFolder) -> None:
    renew(folder, NAMES)
    join_token(folder)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    kept = list(folder.path.iterdir())
    assert len(kept) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}


def test_a_folder_that_others_write_to_is_refused(folder: DataFolder) -> None:
    folder.path.mkdir()
    folder.path.chmod(0o777)
    with pytest.raises(DataFolderError, match="chmod"):
        renew(folder, NAMES)


def test_a_good_certificate_stays(folder: DataFolder) -> None:
    assert renew(folder, NAMES)
    before = server_certificate(folder)
    assert not renew(folder, NAMES)
    assert server_certificate(folder) == before


def test_another_network_gets_another_certificate_of_the_same_authority(folder: DataFolder) -> None:
    renew(folder, NAMES)
    authority = certificates.authority_certificate(folder)
    assert renew(folder, [*NAMES, "10.0.0.7"])
    assert certificates.authority_certificate(folder) == authority


@pytest.mark.parametrize(("days", "renewed"), [(300, False), (366, False), (367.5, True)])
def test_a_certificate_is_replaced_a_month_before_it_ends(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, days: float, renewed: bool
) -> None:
    renew(folder, NAMES)
    monkeypatch.setattr(certificates, "datetime", _Clock)
    monkeypatch.setattr(_Clock, "ahead", datetime.timedelta(days=days - 1))
    assert renew(folder, NAMES) == renewed


def test_an_authority_that_has_ended_is_said(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew(folder, NAMES)
    monkeypatch.setattr(certificates, "datetime", _Clock)
    monkeypatch.setattr(_Clock, "ahead", datetime.timedelta(days=3651))
    with pytest.raises(KeptFileError, match="time is over"):
        renew(folder, NAMES)


def test_a_certificate_of_another_authority_is_replaced(folder: DataFolder) -> None:
    renew(folder, NAMES)
    (folder.path / AUTHORITY).unlink()
    assert renew(folder, NAMES)


@pytest.mark.parametrize("content", [b"", b"\0\xff", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_broken_authority_is_said_and_left_alone(folder: DataFolder, content: bytes) -> None:
    renew(folder, NAMES)
    (folder.path / AUTHORITY).write_bytes(content)
    with pytest.raises(KeptFileError, match=AUTHORITY):
        renew(folder, NAMES)
    assert (folder.path / AUTHORITY).read_bytes() == content


def test_half_an_authority_is_a_broken_one(folder: DataFolder) -> None:
    renew(folder, NAMES)
    key = (folder.path / AUTHORITY).read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]
    (folder.path / AUTHORITY).write_bytes(key)
    with pytest.raises(KeptFileError):
        renew(folder, NAMES)


def test_a_key_of_another_certificate_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder(tmp_path / "other")
    renew(folder, NAMES)
    renew(other, NAMES)
    key, _, _ = (folder.path / AUTHORITY).read_bytes().partition(b"-----BEGIN CERTIFICATE")
    _, mark, rest = (other.path / AUTHORITY).read_bytes().partition(b"-----BEGIN CERTIFICATE")
    (folder.path / AUTHORITY).write_bytes(key + mark + rest)
    with pytest.raises(KeptFileError):
        renew(folder, NAMES)


def test_an_authority_that_cannot_be_read_is_said(folder: DataFolder) -> None:
    (folder.path / AUTHORITY).mkdir(parents=True, mode=0o700)
    folder.path.chmod(0o700)
    with pytest.raises(KeptFileError, match=AUTHORITY):
        renew(folder, NAMES)


def test_a_broken_server_certificate_is_made_anew(folder: DataFolder) -> None:
    renew(folder, NAMES)
    (folder.path / SERVER).write_bytes(b"nonsense")
    assert renew(folder, NAMES)
    assert server_certificate(folder)


def test_gateways_that_start_together_share_one_authority(folder: DataFolder) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: join_token(folder), range(8)))
        issued = list(pool.map(lambda _: renew(folder, NAMES), range(8)))
    assert len(tokens) == 1
    assert issued.count(True) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xff", b"a\0b"])
def test_a_broken_token_is_said(folder: DataFolder, content: bytes) -> None:
    join_token(folder)
    (folder.path / "join-token").write_bytes(content)
    with pytest.raises(KeptFileError, match="join-token"):
        join_token(folder)


@pytest.mark.parametrize("hostname", ["", "my_pc", "bücher", "-x-", "a" * 70, "a b"])
def test_a_host_name_that_is_no_dns_name_costs_nothing(folder: DataFolder, hostname: str) -> None:
    assert renew(folder, machine_names([], hostname))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder.path / SERVER)
