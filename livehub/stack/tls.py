"""A self-signed certificate for RTMPS, for as long as the operator has given none."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from livehub.stack.folders import write_private

_LIFETIME = timedelta(days=3650)
_RENEW_BEFORE = timedelta(days=30)
_MAX_COMMON_NAME = 64  # X.520, ub-common-name.


def ensure_self_signed(*, certificate_path: Path, key_path: Path, host: str, now: datetime | None = None) -> None:
    """Make the pair unless it is there, names this host, and is valid for some time yet."""
    now = now or datetime.now(UTC)
    if key_path.exists() and _is_usable(certificate_path, host=host, now=now):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(key, host=host, now=now)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key_path, private.decode())
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM).decode())


def _is_usable(path: Path, *, host: str, now: datetime) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return _general_name(host) in names and certificate.not_valid_after_utc - now > _RENEW_BEFORE


def _sign(key: ec.EllipticCurvePrivateKey, *, host: str, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:_MAX_COMMON_NAME])])
    names = {_general_name(entry) for entry in (host, "localhost", "127.0.0.1", "::1")}
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(sorted(names, key=str)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
