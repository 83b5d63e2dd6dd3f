"""Why a target does not take a broadcast: a code for programs, a sentence for people."""

import errno
import re
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum


class PushReason(StrEnum):
    """Codes of why a target does not take a broadcast, or not well; they are in answers and webhooks."""

    REFUSED = "refused"
    SILENT = "silent"
    RESET = "reset"
    CLOSED = "closed"
    STALLED = "stalled"
    TOO_SLOW = "too_slow"
    NAME_IN_USE = "name_in_use"
    REJECTED = "rejected"
    CERTIFICATE = "certificate"
    TLS = "tls"
    UNKNOWN_HOST = "unknown_host"
    UNREACHABLE = "unreachable"
    INSIDE = "address_inside"
    NOT_RTMP = "not_rtmp"
    INVALID_ADDRESS = "invalid_address"
    FAULT = "fault"


_SENTENCES = {
    PushReason.REFUSED: "The server refuses connections. Check the address and its port.",
    PushReason.SILENT: "The server does not answer. Check the address and its port.",
    PushReason.RESET: "The server cut the connection. If it does so each time, check the key.",
    PushReason.CLOSED: "The server hung up. If it does so each time, check the address and the key.",
    PushReason.STALLED: "The server takes nothing any more. It is connected to anew.",
    PushReason.TOO_SLOW: "The server, or the way to it, is too slow: pictures are left out. Send it a smaller picture.",
    PushReason.NAME_IN_USE: "Somebody publishes there with this key already. End that, or take another key.",
    PushReason.REJECTED: "The server turned the broadcast away. Check the address and the key.",
    PushReason.UNKNOWN_HOST: "The host name cannot be found. Check the address.",
    PushReason.UNREACHABLE: "The server cannot be reached. Check the address.",
    PushReason.INSIDE: (
        "The address is inside this network. Enter a public one, or have whoever runs LiveHub allow its network."
    ),
    PushReason.NOT_RTMP: "The server does not speak RTMP. Check the address and its port.",
    PushReason.INVALID_ADDRESS: "The address cannot be used. Enter one like rtmp://live.example.com/app.",
    PushReason.FAULT: "Something went wrong inside LiveHub. The server's log says what.",
}
_OF_ERRNO = {
    errno.ECONNREFUSED: PushReason.REFUSED,
    errno.ECONNRESET: PushReason.RESET,
    errno.EPIPE: PushReason.RESET,
    errno.ECONNABORTED: PushReason.RESET,
    # What TCP_USER_TIMEOUT ends.
    errno.ETIMEDOUT: PushReason.STALLED,
}
_PLAIN = re.compile(r"[A-Za-z0-9.]{1,64}")


@dataclass
class PushError(Exception):
    """A target does not take the broadcast; the message is a whole sentence for people."""

    reason: PushReason
    message: str = ""

    def __post_init__(self) -> None:
        self.message = self.message or _SENTENCES[self.reason]
        super().__init__(self.message)


def sentence_of(reason: PushReason) -> str:
    """Return what people are told."""
    return _SENTENCES[reason]


def of_answer(code: str) -> PushError:
    """Return what an answer of the server means that is no success.

    Only its code is told: what servers write beside it may repeat the key.
    """
    if code in {"NetStream.Publish.BadName", "NetStream.Publish.AlreadyPublishing"}:
        return PushError(PushReason.NAME_IN_USE)
    said = f" It says: {code}." if _PLAIN.fullmatch(code) else ""
    return PushError(PushReason.REJECTED, f"{_SENTENCES[PushReason.REJECTED]}{said}")


def of_system(error: OSError) -> PushError:
    """Return what the system says of the way to the server."""
    if isinstance(error, TimeoutError) and not error.errno:
        return PushError(PushReason.SILENT)
    if isinstance(error, socket.gaierror):
        return PushError(PushReason.UNKNOWN_HOST)
    if isinstance(error, ssl.SSLError):
        return PushError(PushReason.TLS, "The connection cannot be encrypted: the server may not speak TLS there.")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        # asyncio gives no number to what it has seen before.
        return PushError(PushReason.RESET)
    return PushError(_OF_ERRNO.get(error.errno or 0, PushReason.UNREACHABLE))
