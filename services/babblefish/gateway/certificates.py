"""A local certificate authority: browsers give a microphone only to pages that came over TLS.

Each file holds key and certificate, so that no crash can part them.
"""

import ipaddress
import re
import socket
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from babblefish.gateway.folder import DataFolder

AUTHORITY = "authority.pem"
SERVER = "server.pem"

_AUTHORITY_LIFE = timedelta(days=3650)
# Browsers refuse more than 398 days; the first one is for clocks that are behind.
_SERVER_LIFE = timedelta(days=397)
_CLOCK_SKEW = timedelta(days=1)
_RENEW_BEFORE = timedelta(days=30)

_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def days_left(self) -> int:
        """Whole days until it ends; negative if it has."""
        return (self.certificate.not_valid_after_utc - datetime.now(UTC)).days

    def pem(self) -> bytes:
        """Both, as one file."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)


def machine_names(addresses: Iterable[str], hostname: str = "") -> list[str]:
    """What pages on this machine are asked for as: names, then addresses."""
    host = (hostname or socket.gethostname()).lower().rstrip(".")
    names = ["localhost"]
    if _DNS_NAME.fullmatch(host):
        names += [host, f"{host.partition('.')[0]}.local"]
    return list(dict.fromkeys([*names, "127.0.0.1", "::1", *addresses]))


def renew(folder: DataFolder, names: Collection[str]) -> bool:
    """Whether a new certificate had to be made, so that `SERVER` is a good one for `names`.

    Raises `DataFolderError` where nothing can be kept, `KeptFileError` for a broken authority.
    """
    with folder.locked():
        authority = _kept(folder, AUTHORITY) or _issue_authority(folder)
        if authority.days_left < 0:
            raise folder.useless(AUTHORITY, "the authority's time is over")
        wanted = _permitted(names, authority)
        if _good(server_pair(folder), wanted, authority):
            return False
        folder.write(SERVER, _issue_server(wanted, authority).pem())
        return True


def authority_certificate(folder: DataFolder) -> x509.Certificate | None:
    """What a phone has to trust, if it was made already; raises `KeptFileError`."""
    authority = _kept(folder, AUTHORITY)
    return authority.certificate if authority else None


def server_pair(folder: DataFolder) -> Pair | None:
    """The server's own, if it is there and whole: a broken one is as good as none."""
    try:
        return _parsed(folder.read(SERVER) or b"")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _kept(folder: DataFolder, name: str) -> Pair | None:
    content = folder.read(name)
    if content is None:
        return None
    try:
        return _parsed(content)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise folder.useless(name, "it holds no key with its certificate") from error


def _parsed(content: bytes) -> Pair:
    key = serialization.load_pem_private_key(content, password=None)
    certificate = x509.load_pem_x509_certificate(content)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key on an elliptic curve")
    if certificate.public_key() != key.public_key():
        raise ValueError("key and certificate are not of one pair")
    return Pair(certificate, key)


def _good(pair: Pair | None, names: Collection[str], authority: Pair) -> bool:
    """Of this authority, for exactly these names, and for a month at least."""
    if pair is None or pair.days_left < _RENEW_BEFORE.days:
        return False
    try:
        pair.certificate.verify_directly_issued_by(authority.certificate)
        held = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return list(held.value) == [_general_name(name) for name in names]


def _issue_authority(folder: DataFolder) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    host = socket.gethostname()[:40]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"BabbleFish on {host}")])
    builder = _builder(name, name, key, _AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    # A key that is stolen here must not speak for any site elsewhere. Addresses stay free: they
    # change with the network, and sites go by name.
    inside = [name for name in [*machine_names([]), "local"] if not _is_address(name)]
    limits = x509.NameConstraints([x509.DNSName(name) for name in inside], None)
    builder = builder.add_extension(limits, critical=True)
    pair = Pair(builder.sign(key, hashes.SHA256()), key)
    folder.write(AUTHORITY, pair.pem())
    return pair


def _issue_server(names: Collection[str], authority: Pair) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "BabbleFish gateway")])
    builder = _builder(subject, authority.certificate.subject, key, _SERVER_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    builder = builder.add_extension(alternatives, critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta
) -> x509.CertificateBuilder:
    begin = datetime.now(UTC) - _CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _permitted(names: Collection[str], authority: Pair) -> list[str]:
    """Without a host name that came after the authority: one such would spoil the whole."""
    try:
        limits = authority.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:  # somebody put an authority of their own here
        return list(names)
    trees = [tree.value for tree in limits.value.permitted_subtrees or []]
    return [
        name
        for name in names
        if _is_address(name) or any(name == tree or name.endswith(f".{tree}") for tree in trees)
    ]


def _general_name(name: str) -> x509.GeneralName:
    if _is_address(name):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
