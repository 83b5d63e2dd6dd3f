"""Why nothing came back from a server, in the words of whoever has to mend it.

Apart from what sends (`outgoing.py`): pages and the admin site read these words, and need not load a client for it.
"""

import errno
import ssl

# How the words begin that say why nothing came back, of what whoever has the server can look at.
UNANSWERED, CLOSED, UNKNOWN = "does not answer", "refuses connections", "the host name"

# Source: OpenSSL, x509_vfy.h.
_CERTIFICATES = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "its certificate comes from an authority that is not known here",
    20: "its certificate comes from an authority that is not known here, or its chain is incomplete",
    62: "its certificate is for another host name",
    64: "its certificate is for another address",
}
_SYSTEM = {
    errno.ECONNREFUSED: CLOSED,
    errno.ECONNRESET: "resets the connection",
    errno.EPIPE: "resets the connection",
    errno.EHOSTUNREACH: "cannot be reached: no way to its address",
    errno.ENETUNREACH: "cannot be reached: no way to its network",
    errno.ETIMEDOUT: UNANSWERED,
}


def describe_certificate(error: Exception) -> str:
    """Return why its certificate is refused."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error}"
    return _CERTIFICATES.get(error.verify_code, f"its certificate is refused: {error.verify_message}")


def describe_tls(error: OSError) -> str:
    """Return what is wrong with its TLS, certificates aside."""
    return f"TLS fails: {_reason(error)}"


def describe_system(error: OSError) -> str:
    """Return what the system says of the way there."""
    return _SYSTEM.get(error.errno or 0, f"cannot be reached: {_reason(error)}")


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or type(error).__name__
