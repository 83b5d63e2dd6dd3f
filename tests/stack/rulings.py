"""What tells an origin who may play, in place of the web program."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from streams.media.origin.rules import Rules
from streams.media.viewer_tokens import ViewerToken
from tests.services import HANG_S
from tests.stack.answering import Quiet, answering

PUBLIC = Rules(is_signed=False, allowed_origins=(), own_origin="https://live.example")
_KEY_ID, _SECRET = "the key", "psk_" + "x" * 44
SIGNED = Rules(is_signed=True, allowed_origins=(), own_origin="https://live.example", keys={_KEY_ID: _SECRET})


def token_of(viewer_id: str, *, playback_id: str) -> str:
    """Return what plays a livestream that is `SIGNED`."""
    now = datetime.now(UTC)
    token = ViewerToken(
        playback_id=playback_id, viewer_id=viewer_id, issued_at=now, expires_at=now + timedelta(hours=1)
    )
    return token.signed(_SECRET, key_id=_KEY_ID)


@dataclass
class Ruling:
    """Says the same of every livestream, and gives a place to whoever is not named."""

    rules: Rules = PUBLIC
    without_place: frozenset[str] = frozenset()
    # 200, or what it says instead of an answer.
    status: int = 200
    # How many livestreams it was asked about at a time, and how many viewers.
    asked: list[int] = field(default_factory=list)
    placed: list[int] = field(default_factory=list)
    works: threading.Event = field(default_factory=threading.Event)


@contextmanager
def ruling(path: Path) -> Iterator[Ruling]:
    ruling = Ruling()
    ruling.works.set()
    with answering(path, partial(_Handler, ruling)):
        try:
            yield ruling
        finally:
            ruling.works.set()


class _Handler(Quiet, BaseHTTPRequestHandler):
    def __init__(self, ruling: Ruling, *connection: Any) -> None:
        self._ruling = ruling
        super().__init__(*connection)

    def do_GET(self) -> None:
        playback_ids = parse_qs(urlsplit(self.path).query)["playback_id"]
        self._ruling.asked.append(len(playback_ids))
        self._answer({playback_id: self._ruling.rules.as_json() for playback_id in playback_ids})

    def do_POST(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._ruling.placed.append(len(wanted))
        self._answer([viewer_id not in self._ruling.without_place for _, _, viewer_id in wanted])

    def _answer(self, said: object) -> None:
        self._ruling.works.wait(HANG_S)
        body = json.dumps(said).encode()
        with suppress(BrokenPipeError):
            self.send_response(self._ruling.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
