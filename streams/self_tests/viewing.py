"""Looking at a broadcast as a player does: over HTTP from this machine's edge."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx
from django.conf import settings

_URI = re.compile(r'URI="([^"]+)"')
_BANDWIDTH = re.compile(r"[:,]BANDWIDTH=(\d+)")
# Of each answer, but for a playlist that waits.
_ANSWER_S = 2.0


class ViewingFailedError(Exception):
    """The edge did not give what players need; says what it said."""


@dataclass(frozen=True)
class ListedPart:
    """A part of a media playlist: which one, and where it is."""

    msn: int
    index: int
    url: str


@dataclass(frozen=True)
class MediaListing:
    """What a media playlist says: its init section, its parts in their order, and whether it has its end."""

    url: str
    init_url: str = ""
    parts: list[ListedPart] = field(default_factory=list)
    next_msn: int = 0
    next_index: int = 0
    is_over: bool = False


@dataclass(frozen=True)
class Renditions:
    """What a multivariant playlist lists: addresses of video, the best first, and of sound alone."""

    video: list[str]
    audio: list[str]


class EdgeViewer:
    """Fetches playlists and parts; one connection, as a player has."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def renditions(self, path: str) -> Renditions:
        """Return what the multivariant playlist lists.

        :raises ViewingFailedError: when it cannot be fetched.
        """
        url = urljoin(settings.EDGE_URL, path)
        return parse_renditions(self._get(url).text, url=url)

    def listing(self, url: str, *, after: MediaListing | None = None, timeout_s: float = _ANSWER_S) -> MediaListing:
        """Return a media playlist as it is, or as soon as it has the part that comes after another look.

        :raises ViewingFailedError: when it cannot be fetched in time.
        """
        wanted = {"_HLS_msn": str(after.next_msn), "_HLS_part": str(after.next_index)} if after else None
        return parse_listing(self._get(url, wanted, timeout_s=timeout_s).text, url=url)

    def watch_on(self, listing: MediaListing, *, timeout_s: float) -> MediaListing:
        """Fetch the next parts of a media playlist as soon as they are there, and return it with them.

        :raises ViewingFailedError: when they cannot be fetched in time.
        """
        after = self.listing(listing.url, after=listing, timeout_s=timeout_s)
        for part in after.parts:
            if (part.msn, part.index) >= (listing.next_msn, listing.next_index):
                self.fetch(part.url)
        return after

    def fetch(self, url: str) -> bytes:
        """Return a file.

        :raises ViewingFailedError: when it cannot be fetched in time.
        """
        return self._get(url).content

    def _get(self, url: str, query: dict[str, str] | None = None, *, timeout_s: float = _ANSWER_S) -> httpx.Response:
        name = url.rpartition("/")[2]
        try:
            answer = self._client.get(url, params=query, timeout=max(timeout_s, 0.1))
        except httpx.TimeoutException as error:
            raise ViewingFailedError(f"The edge did not answer for {name} in time.") from error
        except httpx.HTTPError as error:
            raise ViewingFailedError(f"The edge cannot be reached ({type(error).__name__}).") from error
        if answer.status_code == 502:
            raise ViewingFailedError(f"The edge answered 502 for {name}: the origin behind it does not answer.")
        if not answer.is_success:
            raise ViewingFailedError(f"The edge answered {answer.status_code} for {name}.")
        return answer


@contextmanager
def opened_viewer(viewer_id: str) -> Iterator[EdgeViewer]:
    """Look at this machine's broadcasts for as long as the block lasts, told from others by this id as players are."""
    # Source: CTA-5004. And no crawler's name: those are not counted.
    headers = {"CMCD-Session": f'sid="{viewer_id}"', "User-Agent": "LiveHub self-test"}
    # No TLS is spoken there, and loading the certificates for it takes longer than an answer.
    with httpx.Client(transport=httpx.HTTPTransport(verify=False), trust_env=False, headers=headers) as client:
        yield EdgeViewer(client)


def parse_renditions(text: str, *, url: str) -> Renditions:
    """Return what a multivariant playlist of this address lists. Source: RFC 8216bis 4.4.6."""
    video: list[tuple[int, str]] = []
    audio: list[str] = []
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#EXT-X-MEDIA:TYPE=AUDIO") and (found := _URI.search(line)):
            audio.append(urljoin(url, found[1]))
        elif line.startswith("#EXT-X-STREAM-INF:") and "RESOLUTION=" in line and (bandwidth := _BANDWIDTH.search(line)):
            video.append((int(bandwidth[1]), urljoin(url, following)))
    return Renditions([address for _, address in sorted(video, reverse=True)], audio)


def parse_listing(text: str, *, url: str) -> MediaListing:
    """Return what a media playlist of this address says. Source: RFC 8216bis 4.4.4."""
    init_url, parts, msn, index, is_over = "", list[ListedPart](), 0, 0, False
    for line in text.splitlines():
        if line.startswith("#EXT-X-MEDIA-SEQUENCE:"):
            msn = int(line.partition(":")[2])
        elif line.startswith("#EXT-X-SKIP:"):
            msn += int(line.partition("=")[2].partition(",")[0])
        elif line.startswith("#EXT-X-MAP:") and (found := _URI.search(line)):
            init_url = urljoin(url, found[1])
        elif line.startswith("#EXT-X-PART:") and (found := _URI.search(line)):
            parts.append(ListedPart(msn, index, urljoin(url, found[1])))
            index += 1
        elif line.startswith("#EXT-X-ENDLIST"):
            is_over = True
        elif line and not line.startswith("#"):
            msn, index = msn + 1, 0
    return MediaListing(url, init_url, parts, msn, index, is_over)


def now_ms() -> int:
    """Return the time of day in milliseconds since 1970, by the clock that our encoder's pictures show as well."""
    return time.time_ns() // 1_000_000
