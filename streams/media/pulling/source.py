"""Where a broadcast is fetched from: what may be said of it, and what is never repeated of that."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

URL_MAX_LENGTH = 2048
_SCHEMES_SAID = "rtmp, rtmps, rtsp, srt, http or https"
# In place of a secret.
HIDDEN = "***"
# Of a URL anywhere in a text.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s'\"]*//[^\s'\"]*")
# Shorter ones are found in every other word.
_SHORTEST_SECRET = 4
# What an SRT caller may be told; the rest is ours to choose.
_SRT_OPTIONS = frozenset({"streamid", "passphrase", "pbkeylen", "latency", "mode"})


class SourceKind(StrEnum):
    RTMP = "rtmp"
    RTSP = "rtsp"
    SRT = "srt"
    HTTP = "http"


_KINDS = {
    "rtmp": (SourceKind.RTMP, 1935),
    "rtmps": (SourceKind.RTMP, 443),
    "rtsp": (SourceKind.RTSP, 554),
    # Without a usual port.
    "srt": (SourceKind.SRT, 0),
    "http": (SourceKind.HTTP, 80),
    "https": (SourceKind.HTTP, 443),
}


class InvalidSourceError(ValueError):
    """It is no address that is fetched from: the message says what to change, and repeats no secret."""


@dataclass(frozen=True)
class PullUrl:
    """A checked address; credentials may stand before its host, in its path and in its query."""

    text: str = field(repr=False)
    scheme: str
    kind: SourceKind
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "PullUrl":
        """Return the address that a text is.

        :raises InvalidSourceError: when it is none that is fetched from.
        """
        if len(text) > URL_MAX_LENGTH or not all("!" <= character <= "~" for character in text):
            raise InvalidSourceError(f"Use at most {URL_MAX_LENGTH} printable ASCII characters, without blanks.")
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise InvalidSourceError("This is no address: its host or its port cannot be read.") from error
        if parts.scheme not in _KINDS:
            raise InvalidSourceError(f"Give an address that begins with {_SCHEMES_SAID}, followed by ://.")
        kind, usual_port = _KINDS[parts.scheme]
        if not host or not re.fullmatch(r"[0-9A-Za-z._:-]+", host):
            raise InvalidSourceError("The address names no host.")
        if not (port or usual_port):
            raise InvalidSourceError("The address needs a port, such as srt://host:9000.")
        if kind is SourceKind.SRT:
            _check_srt(parts)
        return cls(text.partition("#")[0], parts.scheme, kind, host, port or usual_port)

    @property
    def masked(self) -> str:
        """The address for people: without what stands before its host, and without its query's values."""
        parts = urlsplit(self.text)
        user = f"{HIDDEN}@" if "@" in parts.netloc else ""
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        query = f"?{'&'.join(f'{name}={HIDDEN}' for name in names) or HIDDEN}" if parts.query else ""
        return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}{parts.path}{query}"

    def hide(self, words: str) -> str:
        """Return words of a program without any address, and without what of this one may be a secret."""
        words = _URL.sub("the address", words)
        for secret in self._secrets:
            words = words.replace(secret, HIDDEN)
        return words

    @property
    def srt_query(self) -> str:
        """What an SRT caller sends along of what was asked for."""
        asked = dict(parse_qsl(urlsplit(self.text).query))
        return urlencode({name: asked[name] for name in sorted(asked) if name != "mode"})

    @property
    def _secrets(self) -> list[str]:
        parts = urlsplit(self.text)
        values = [value for _, value in parse_qsl(parts.query)]
        said = [parts.username or "", parts.password or "", parts.query, *values, *parts.path.split("/")]
        both = {*said, *(unquote(each) for each in said)}
        return sorted((each for each in both if len(each) >= _SHORTEST_SECRET), key=len, reverse=True)


def _check_srt(parts: SplitResult) -> None:
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(asked.keys() - _SRT_OPTIONS):
        raise InvalidSourceError(
            f"Of SRT's options only these are taken: {', '.join(sorted(_SRT_OPTIONS))}. Take out {', '.join(unknown)}."
        )
    if asked.get("mode", "caller") != "caller":
        raise InvalidSourceError("LiveHub calls the SRT source, so that one has to listen: leave mode out.")
