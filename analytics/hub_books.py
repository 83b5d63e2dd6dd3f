"""An edge node's books: the hub keeps them, and is told over HTTP."""

import httpx
import msgspec

from analytics.books import BatchRefusedError, BooksAwayError
from analytics.counting.batch import EdgeName, LogBatch, LogOpened, WatchingNow

_HUB_S = 10.0
_REFUSED = 409


class HubBooks:
    """What `Books` says, of a hub that is shown its token; `http` has been made for that hub."""

    def __init__(self, http: httpx.Client, *, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def open_log(self, edge: str) -> LogOpened:
        try:
            return msgspec.json.decode(self._tell("open", EdgeName(edge)), type=LogOpened)
        except msgspec.MsgspecError as error:
            raise BooksAwayError("what the hub answers is not understood: is it of the same version?") from error

    def write_batch(self, batch: LogBatch) -> None:
        self._tell("batch", batch)

    def write_now(self, now: WatchingNow) -> None:
        self._tell("now", now)

    def _tell(self, what: str, told: msgspec.Struct) -> bytes:
        try:
            response = self._http.post(f"/edges/{what}", content=msgspec.json.encode(told), headers=self._headers)
        except httpx.HTTPError as error:
            raise BooksAwayError(f"the hub does not answer: {error!r}") from error
        if response.status_code == _REFUSED:
            raise BatchRefusedError(response.text.strip())
        if not response.is_success:
            raise BooksAwayError(f"the hub answers {response.status_code}: {response.text.strip()[:200]}")
        return response.content


def hub_client(hub_url: str) -> httpx.Client:
    """Return what reaches a hub, and by no proxy of the environment: its token is for it alone."""
    return httpx.Client(base_url=hub_url, timeout=_HUB_S, trust_env=False)
