"""An integrator: the Dyte v2 dialect over HTTP, and a player that reads playlists."""

import base64
import re
from dataclasses import dataclass
from typing import Any

import httpx

from tests.plain_http import fetch, plain_client
from tests.services import HANG_S, wait_until
from tests.stack.whole import RunningStack


@dataclass(frozen=True)
class Integrator:
    """Holds the first API key of an instance."""

    http: httpx.Client

    @classmethod
    def of(cls, stack: RunningStack) -> "Integrator":
        pair = f"{stack.credentials['organization_id']}:{stack.credentials['api_key']}"
        token = base64.b64encode(pair.encode()).decode()
        return cls(
            plain_client(base_url=stack.credentials["dyte_base_url"], headers={"Authorization": f"Basic {token}"})
        )

    def call(self, method: str, path: str, **body: object) -> dict[str, Any]:
        """Return the answer's body; what is not 2xx fails the test with it."""
        response = self.http.request(method, path, json=body or None)
        assert response.is_success, response.text
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer

    def create(self, name: str = "Keynote", *, window_s: int = 0) -> "Stream":
        """Make a livestream whose broadcasts end with their encoder, or wait for it so long."""
        return Stream(self, self.call("POST", "/livestreams", name=name, reconnect_window_s=window_s)["data"])


@dataclass(frozen=True)
class Stream:
    """A livestream as its creation described it."""

    integrator: Integrator
    created: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/livestreams/{self.created['id']}"

    @property
    def publish_url(self) -> str:
        return str(self.created["ingest_server"] + self.created["stream_key"])

    @property
    def status(self) -> str:
        return str(self.integrator.call("GET", self.path)["data"]["livestream"]["status"])

    def sessions(self) -> list[dict[str, Any]]:
        """Return the sessions, newest first."""
        sessions: list[dict[str, Any]] = self.integrator.call("GET", f"{self.path}/sessions")["data"]
        return sessions

    def await_status(self, status: str, *, timeout_s: float = HANG_S) -> None:
        wait_until(lambda: self.status == status, timeout_s=timeout_s, what=f"status {status}")

    def playlists(self) -> dict[str, str]:
        """Return each media playlist by its address, as a player finds them."""
        base = httpx.URL(self.created["playback_url"])
        multivariant = fetch(base).raise_for_status().text
        uris = [line for line in multivariant.splitlines() if line and not line.startswith("#")]
        return {str(base.join(uri)): fetch(base.join(uri)).raise_for_status().text for uri in uris}

    def has_newer_than(self, segment: str) -> bool:
        """Tell whether another segment is the newest; no while nothing can be fetched."""
        try:
            return self._segments()[-1:] not in ([], [segment])
        except (httpx.HTTPError, StopIteration):
            return False

    def newest_segment(self) -> str:
        """Return the address of the newest segment of the first rendition, once there is one."""
        wait_until(self._segments, what="the first segment")
        return self._segments()[-1]

    def newest_media(self) -> str:
        """Return the address of what came last of the first rendition: of a part, where there are parts."""
        address, text = self._first_playlist()
        named: list[str] = re.findall(r'^#EXT-X-PART:.*URI="(.*?)"|^([^#].*)', text, re.MULTILINE)
        return str(httpx.URL(address).join("".join(named[-1])))

    def _segments(self) -> list[str]:
        address, text = self._first_playlist()
        return [str(httpx.URL(address).join(line)) for line in text.splitlines() if not line.startswith("#")]

    def _first_playlist(self) -> tuple[str, str]:
        return next(iter(self.playlists().items()))

    def newest_run(self) -> str:
        """Return what names the run whose media is the newest of the first rendition."""
        runs: list[str] = re.findall(r'#EXT-X-MAP:URI="(.*)\.init\.mp4"', self._first_playlist()[1])
        return runs[-1]


def run_of(stream: Stream) -> str | None:
    """Return the run that viewers see, None while nothing can be fetched."""
    try:
        return stream.newest_run()
    except (httpx.HTTPError, IndexError, StopIteration):
        return None
