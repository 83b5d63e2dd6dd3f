"""Who may play, through the whole product; what is played is a file that lies where a broadcast's would."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.e2e.client import Integrator, Stream
from tests.e2e.processes import family, hung
from tests.plain_http import fetch, plain_client
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = pytest.mark.e2e
_SHOP, _OTHER = "https://shop.example", "https://other.example"
# As the documentation says it.
_PROMISED_S = 10
_SESSION = "0123456789abcdef"
_PICTURES = ("thumbnail.jpg", "preview.webp", f"{_SESSION}/storyboard.vtt", f"{_SESSION}/pictures/1-0.jpg")
_EXAMPLES = {"python": ["python3", "playback_token.py"], "node": ["node", "playback_token.mjs"]}


@pytest.fixture
def public(stack: RunningStack, stream: Stream) -> Stream:
    folder = stack.data_dir / "playback" / playback_id_of(stream)
    folder.mkdir()
    (folder / "index.m3u8").write_text("#EXTM3U\n")
    (folder / _SESSION / "pictures").mkdir(parents=True)
    for picture in _PICTURES:
        (folder / picture).write_bytes(b"a picture")
    return stream


@pytest.fixture
def signed(public: Stream) -> Stream:
    public.integrator.call("PATCH", public.path, playback_policy="signed", allowed_origins=[_SHOP])
    return public


def playback_id_of(stream: Stream) -> str:
    return str(stream.created["playback_url"].split("/")[-2])


def let_in(stream: Stream, viewer_id: str = "ann") -> str:
    """Return where a viewer plays it."""
    given: dict[str, Any] = stream.integrator.call("POST", f"{stream.path}/playback-tokens", viewer_id=viewer_id)
    return str(given["data"]["playback_url"])


def status_of(url: str, **headers: str) -> int:
    answer = fetch(url, **headers)
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    return answer.status_code


class TestSigned:
    def test_plays_for_who_has_a_token_and_nobody_else(self, signed: Stream, stack: RunningStack) -> None:
        plain, ann = signed.created["playback_url"], let_in(signed)
        another = let_in(signed.integrator.create("Another"))

        assert (status_of(ann), status_of(ann, Origin=_SHOP)) == (200, 200)
        for picture in _PICTURES:
            shown = (status_of(url.replace("index.m3u8", picture)) for url in (ann, plain))
            assert tuple(shown) == (200, 403), picture
        refused = {
            "plain": status_of(plain),
            "foreign page": status_of(ann, Origin=_OTHER),
            "forged": status_of(ann.replace("/pb_", "x/pb_")),
            "another's": status_of(another.replace(another.split("/")[-2], playback_id_of(signed))),
            "no token at all": status_of(ann.replace(ann.split("/")[5], "none")),
        }
        assert set(refused.values()) == {403}, refused
        assert fetch(plain).headers["cache-control"] == "no-store"
        # What the edge asks is asked by nobody else.
        assert fetch(f"{stack.base_url}/internal/permission").status_code == 404

    def test_ends_for_a_viewer_who_is_sent_away_in_the_time_that_is_promised(self, signed: Stream) -> None:
        ann, bob = let_in(signed, "ann"), let_in(signed, "bob")
        assert (status_of(ann), status_of(bob)) == (200, 200)

        signed.integrator.call("DELETE", f"{signed.path}/viewers/ann")

        wait_until(lambda: status_of(ann) == 403, timeout_s=_PROMISED_S, what="ann's end")
        assert status_of(bob) == 200

    def test_ends_for_all_when_the_key_is_rotated(self, signed: Stream) -> None:
        ann = let_in(signed)
        assert status_of(ann) == 200

        signed.integrator.call("POST", "/playback-keys/rotate")

        wait_until(lambda: status_of(ann) == 403, timeout_s=_PROMISED_S, what="the old key's end")
        assert status_of(let_in(signed)) == 200

    def test_has_places_for_so_many(self, signed: Stream) -> None:
        signed.integrator.call("PATCH", signed.path, max_viewers=1)
        ann, bob = let_in(signed, "ann"), let_in(signed, "bob")

        assert (status_of(ann), status_of(bob)) == (200, 403)
        # Ann has gone.
        wait_until(lambda: status_of(bob) == 200, what="Ann's place")

    @pytest.mark.parametrize("language", _EXAMPLES)
    def test_plays_with_a_token_made_as_the_documentation_shows(self, signed: Stream, language: str) -> None:
        key = signed.integrator.call("GET", "/playback-keys")["data"][0]
        program, name = _EXAMPLES[language]
        script = Path(settings.BASE_DIR) / "docs/examples" / name
        public_url = signed.created["playback_url"].partition("/playback/")[0]

        argv = [program, str(script), public_url, playback_id_of(signed), key["id"], key["secret"], "customer-4711"]
        url = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

        assert status_of(url) == 200


def test_a_hung_database_stops_nobody_who_plays(public: Stream, stack: RunningStack) -> None:
    members, empty = (signed_with_file(public.integrator, stack) for _ in range(2))
    plain, ann, bob, first = public.created["playback_url"], let_in(members), let_in(members, "bob"), let_in(empty)
    assert (status_of(plain), status_of(ann)) == (200, 200)

    with hung(family(stack.pids()["postgres"])):
        # Much longer than an answer holds.
        until = time.monotonic() + 15
        while time.monotonic() < until:
            # Newcomers as well: from a page that has not asked before, and with another token.
            played = {"public": status_of(plain), "newcomer": status_of(plain, Origin=_OTHER), "signed": status_of(ann)}
            assert set(played.values()) == {200}, played
            time.sleep(0.3)
        assert status_of(bob) == 200
        # Of what nobody was watching nobody knows anything.
        with plain_client(timeout=20) as client:
            assert client.get(first).status_code == 503

    wait_until(lambda: status_of(first) == 200, what="the database")


def signed_with_file(integrator: Integrator, stack: RunningStack) -> Stream:
    made = integrator.create("Members only")
    integrator.call("PATCH", made.path, playback_policy="signed")
    folder = stack.data_dir / "playback" / playback_id_of(made)
    folder.mkdir()
    (folder / "index.m3u8").write_text("#EXTM3U\n")
    return made


def test_no_log_holds_a_token(signed: Stream, stack: RunningStack) -> None:
    ann = let_in(signed)
    status_of(ann)
    fetch(f"{stack.base_url}/embed/{playback_id_of(signed)}?token={ann.split('/')[5]}")
    fetch(ann, Host="elsewhere.example")

    texts = [path.read_text(errors="replace") for path in stack.logs.rglob("*") if path.is_file()]
    assert " 421 " in "".join(texts)
    assert not [text for text in [*texts, stack.output] if ann.split("/")[5][:60] in text]
