"""Against a stub, as nobody publishes more: it checks no credentials. How Google itself behaves is unproven."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import jwt
import pytest

from streams.recordings.stores.base import Store, StoreSettings, Upload
from tests.stores.contract import CONTENT, PARTS, ServerContract, bytes_of
from tests.stores.servers import google


class _TokenServer(HTTPServer):
    """Hands out tokens, as Google's does, and keeps what they were asked for with."""

    asked: list[dict[str, object]]
    answer: tuple[int, dict[str, object]]


class _TokenHandler(BaseHTTPRequestHandler):
    server: _TokenServer

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append(jwt.decode(form["assertion"][0], options={"verify_signature": False}))
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


_GIVEN: tuple[int, dict[str, object]] = (200, {"access_token": "token", "expires_in": 3600, "token_type": "Bearer"})


@pytest.fixture(scope="module")
def tokens() -> Iterator[_TokenServer]:
    with _TokenServer(("127.0.0.1", 0), _TokenHandler) as server:
        server.asked, server.answer = [], _GIVEN
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def target(tokens: _TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    url = f"http://127.0.0.1:{tokens.server_port}/token"
    with google(tmp_path_factory.mktemp("google"), token_url=url) as target:
        yield target


class TestGcs(ServerContract):
    def test_has_what_a_part_was_when_it_was_sent_last_where_it_says_so(
        self, target: StoreSettings, store: Store, upload: Upload
    ) -> None:
        """It does not say so: a session takes bytes in order, each once."""
        assert not store.replaces_parts
        for part in PARTS[:2]:
            store.append(upload, part, bytes_of(part))

        store.append(upload, PARTS[0], b"begins otherwise" + bytes_of(PARTS[0])[16:])

        store.append(upload, PARTS[2], bytes_of(PARTS[2]))
        assert store.read(upload.name, offset=0, length=len(CONTENT)) == CONTENT

    def test_asks_for_a_token_as_the_service_account(self, tokens: _TokenServer, store: Store) -> None:
        store.check()

        assert tokens.asked[-1]["iss"] == "recorder@studio.iam.example.com"
        assert str(tokens.asked[-1]["scope"]).endswith("/devstorage.read_write")

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ("Invalid grant: account not found", "credentials_refused"),
            ("Invalid JWT: Token must be a short-lived token (60 minutes)", "clock_skewed"),
        ],
    )
    def test_says_why_there_is_no_token(
        self, tokens: _TokenServer, target: StoreSettings, words: str, code: str
    ) -> None:
        tokens.answer = (400, {"error": "invalid_grant", "error_description": words})
        try:
            assert self.failure(target).code == code
        finally:
            tokens.answer = _GIVEN

    def test_sends_no_part_that_google_would_refuse(self, store: Store, upload: Upload) -> None:
        with pytest.raises(ValueError, match="not a multiple of 262144"):
            store.append(upload, replace(PARTS[0], size=1000), CONTENT[:1000])

    def test_gives_up_an_upload(self, store: Store, upload: Upload) -> None:
        pytest.skip("The stub cannot.")

    def test_refuses_a_key_that_is_none(self, target: StoreSettings) -> None:
        assert self.failure(replace(target, secret="none")).code == "misconfigured"
