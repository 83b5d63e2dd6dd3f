"""An authority of the tests' own, and servers' certificates that are right, or wrong in one way."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Authority:
    """Signs for 127.0.0.1; `path` is what to trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _sign("Authority", self._key, self._key, issuer="Authority", is_authority=True)
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def server(self, flaw: str) -> ssl.SSLContext:
        """Return what a server speaks TLS with: "", "expired", "other_host", "self_signed", or "unknown"."""
        key = ec.generate_private_key(ec.SECP256R1())
        signer = {"self_signed": key, "unknown": ec.generate_private_key(ec.SECP256R1())}.get(flaw, self._key)
        certificate = _sign(
            "Server",
            key,
            signer,
            issuer={"self_signed": "Server", "unknown": "Nobody"}.get(flaw, "Authority"),
            host="192.0.2.1" if flaw == "other_host" else "127.0.0.1",
            until=datetime.now(UTC) + (-_DAY if flaw == "expired" else _DAY),
        )
        path = self._folder / f"server-{flaw}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _sign(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    issuer: str,
    host: str = "",
    until: datetime | None = None,
    is_authority: bool = False,
) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        issuer_name=_name(issuer),
        subject_name=_name(subject),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=datetime.now(UTC) - 3 * _DAY,
        not_valid_after=until or datetime.now(UTC) + _DAY,
    ).add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
    return builder.sign(signer, SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
