"""The cluster's certificate authority, and who may call the API server: made anew at each start."""

import base64
import json
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster.layout import API, STATE

PKI = STATE / "pki"
AUTHORITY = PKI / "ca.crt"
TOKENS = PKI / "tokens.key"
TOKENS_PUBLIC = PKI / "tokens.pub"
_LIFETIME = timedelta(days=365)
_PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates that serve and call alike."""

    def __init__(self) -> None:
        PKI.mkdir(parents=True)
        self._name = _name("babblefish-cluster", None)
        self._key = _key(PKI / "ca.key")
        certificate = (
            _certificate(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        AUTHORITY.write_bytes(certificate.public_bytes(_PEM))
        tokens = _key(TOKENS)
        TOKENS_PUBLIC.write_bytes(
            tokens.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )

    def issue(
        self, file: str, user: str, group: str | None = None, names: tuple[str, ...] = ()
    ) -> None:
        """`<file>.crt` and `.key` for `user` of `group`, who also answers to `names`."""
        key = _key(PKI / f"{file}.key")
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = _certificate(_name(user, group), self._name, key).add_extension(
            x509.ExtendedKeyUsage(usages), critical=False
        )
        if names:
            certificate = certificate.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]),
                critical=False,
            )
        signed = certificate.sign(self._key, hashes.SHA256())
        (PKI / f"{file}.crt").write_bytes(signed.public_bytes(_PEM))

    def kubeconfig(self, path: Path, user: str, group: str | None = None) -> None:
        """A file with which `user` calls the API server."""
        self.issue(path.stem, user, group)
        entry = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "babblefish",
            "contexts": [{"name": "babblefish", "context": {"cluster": "here", "user": user}}],
            "clusters": [
                {
                    "name": "here",
                    "cluster": {"server": API, "certificate-authority-data": _base64(AUTHORITY)},
                }
            ],
            "users": [
                {
                    "name": user,
                    "user": {
                        "client-certificate-data": _base64(PKI / f"{path.stem}.crt"),
                        "client-key-data": _base64(PKI / f"{path.stem}.key"),
                    },
                }
            ],
        }
        path.write_text(json.dumps(entry, indent=2))


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return key


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _name(user: str, group: str | None) -> x509.Name:
    organization = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([*organization, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(IPv4Address(name))
    except ValueError:
        return x509.DNSName(name)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
