"""Every operation with every kind of caller."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import cycle, product
from uuid import UUID

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client

from streams.models import ApiKey, Livestream, Role
from tests.access.conftest import State, Tenant, state, undone
from tests.access.each import for_each
from tests.access.expected import ANSWERS_CSV, ANSWERS_IMAGE, NEEDS_BODY, OPEN_OPERATIONS, OPERATIONS, TAKES_IMAGE
from tests.access.keys import EACH_SCOPE, EVERYTHING, FATES, KeyRing
from tests.api.clients import read
from tests.meetings import home
from tests.streams.images import image_bytes
from tests.webhooks.happenings import body_of_webhook

ARGUMENT = re.compile(r"{(\w+)}")
# Whoever makes tokens calls viewers as they like: nobody knows who there is.
ONES_OWN_WORDS = {"viewer_id"}
# What browsers add to the requests that pages make them send.
MARKS = ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"})
CONTENT_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "")
# What pages may send without being asked whether they may: each two of mark, content type and body meet once at least.
SENT_WITHOUT_LEAVE = [
    (mark, content_type, (b"", b'{"name": "Changed"}')[(row + column) % 2])
    for (row, mark), (column, content_type) in product(enumerate(MARKS), enumerate(CONTENT_TYPES))
]
# Everybody calls from elsewhere: an address that shows wrong keys gets no other answer any more.
ADDRESSES = cycle(range(1, 255))
each_operation = for_each("operation", OPERATIONS)
each_change = for_each("operation", [each for each in OPERATIONS if not each.startswith("GET ")])


# What an operation needs beside a name, by the end of its address.
BODIES: dict[str, dict[str, object]] = {
    "POST /outputs": {"type": "simulcast", "uri": "rtmp://b.example.com/live2", "stream_key": "sk_of-a-platform"},
    "POST /storage-targets": {"type": "gcs", "bucket": "films", "secret": "{}"},
    "POST /platforms": {"server": "rtmp://b.example.com/live2", "key": "sk_of-a-platform"},
    "POST {cloud_name}/live_streams": {"input": {"type": "rtmp"}},
}


def body_of(operation: str) -> dict[str, object] | None:
    """Return what it needs in its body and only that, or None."""
    return body_of_webhook(operation) or home.body_of(operation)


def needed_by(operation: str) -> dict[str, object]:
    """Return what has to stand in its body."""
    method = operation.partition(" ")[0]
    ends = {end.removeprefix(f"{method} "): body for end, body in BODIES.items() if end.startswith(f"{method} ")}
    return next((body for end, body in ends.items() if operation.endswith(end)), {})


def call(
    operation: str, ids: dict[str, str], *, shown: str = "", client: Client | None = None, **headers: str
) -> HttpResponse:
    method, _, template = operation.partition(" ")
    sent = {**({"Authorization": shown} if shown else {}), **headers}
    asked = body_of(operation) or {"name": "Changed", **needed_by(operation)}
    body = json.dumps(asked).encode() if body_of(operation) or method in {"POST", "PATCH"} else b""
    content_type = "application/json"
    if operation in TAKES_IMAGE:
        body, content_type = image_bytes(), "image/png"
    address, there = next(ADDRESSES), template.format(**ids)
    answer = (client or Client()).generic(
        method, there, body, content_type, headers=sent, REMOTE_ADDR=f"192.0.2.{address}"
    )
    return at_once(answer)


def at_once(answer: HttpResponseBase) -> HttpResponse:
    """Return an answer that comes a piece at a time as a whole one."""
    if isinstance(answer, StreamingHttpResponse):
        return HttpResponse(answer.getvalue(), status=answer.status_code, headers=dict(answer.items()))
    assert isinstance(answer, HttpResponse)
    return answer


def stream_keys(value: object) -> Iterator[object]:
    """Yield what stands as a stream key anywhere in an answer."""
    if isinstance(value, dict):
        yield from (value[name] for name in ("stream_key", "key") if name in value)
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from stream_keys(each)


@pytest.fixture(scope="module")
def keys(ours: Tenant) -> KeyRing:
    return KeyRing.of(ours)


@pytest.fixture(scope="module")
def foreign_keys(theirs: Tenant) -> KeyRing:
    return KeyRing.of(theirs)


@pytest.fixture(scope="module")
def before(before: object, keys: KeyRing, foreign_keys: KeyRing) -> State:
    return state()


class TestCaller:
    @each_operation
    def test_without_a_good_key_gets_nothing(
        self, operation: str, ours: Tenant, keys: KeyRing, before: State, browser_of: Callable[[Role], Client]
    ) -> None:
        # Logged in to the dashboard, which counts for nothing here.
        browser = browser_of(Role.OWNER)
        bad = [keys.shown(operation, fate=fate) for fate in FATES]

        for shown in ("", "Basic nonsense", "Bearer nonsense", *bad):
            assert call(operation, ours.ids, shown=shown, client=browser).status_code == 401
        assert state() == before

    @each_operation
    def test_may_do_what_the_keys_scopes_say(self, operation: str, ours: Tenant, keys: KeyRing, before: State) -> None:
        needed, status = OPERATIONS[operation]

        for scopes in (*EACH_SCOPE, EVERYTHING):
            shown = keys.shown(operation, scopes=scopes)
            if needed in scopes:
                with undone():
                    assert call(operation, ours.ids, shown=shown).status_code == status
            else:
                answer = call(operation, ours.ids, shown=shown)
                assert answer.status_code == 403
                assert read(answer)["error"]["message"].startswith(f"This API key lacks the scope {needed}.")
        assert state() == before

    @each_operation
    def test_who_may_only_read_is_told_no_stream_key(self, operation: str, ours: Tenant, keys: KeyRing) -> None:
        secret = Livestream.objects.get(pk=ours.ids["livestream_id"]).stream_key

        told = call(operation, ours.ids, shown=keys.shown(operation, scopes=(ApiKey.Scope.READ,)))
        if operation in ANSWERS_IMAGE:
            assert told.content.startswith(b"\x89PNG")
            return
        assert secret not in told.content.decode()
        if operation in ANSWERS_CSV:
            return

        publishers = call(operation, ours.ids, shown=keys.shown(operation))
        found = list(stream_keys(json.loads(publishers.content)))
        assert all(isinstance(key, str) and key.startswith(("sk_", "lv_")) for key in found)
        # At the same places: clients ask for them by name.
        may_read = OPERATIONS[operation][0] == ApiKey.Scope.READ
        assert list(stream_keys(json.loads(told.content))) == ([None] * len(found) if may_read else [])

    @each_operation
    def test_finds_another_tenants_things_no_more_than_unknown_ones(
        self, operation: str, ours: Tenant, theirs: Tenant, keys: KeyRing, before: State
    ) -> None:
        _, _, template = operation.partition(" ")
        shown = keys.shown(operation)
        for argument in {*ARGUMENT.findall(template)} - ONES_OWN_WORDS:
            foreign, unknown = theirs.ids[argument], theirs.unknown()[argument]

            of_foreign = call(operation, {**ours.ids, argument: foreign}, shown=shown)
            of_unknown = call(operation, {**ours.ids, argument: unknown}, shown=shown)

            assert of_foreign.status_code in {401, 404}
            assert headers(of_foreign) == headers(of_unknown)
            assert without(of_foreign, foreign) == without(of_unknown, unknown)
        assert state() == before


@each_operation
def test_another_tenants_key_reaches_nothing_of_ours(
    operation: str, ours: Tenant, foreign_keys: KeyRing, before: State
) -> None:
    with undone():
        answer = call(operation, ours.ids, shown=foreign_keys.shown(operation))

        # Where the address names nothing of ours, it is about what is theirs.
        assert (answer.status_code in {401, 404}) is ("{" in operation)
        text = without(answer, *_named(operation, ours))
        assert not [known for known in ours.ids.values() if known in text or known.replace("-", "") in text]
    assert state() == before


class TestForeignPage:
    @each_change
    def test_changes_nothing_with_what_it_may_send(
        self, operation: str, ours: Tenant, keys: KeyRing, before: State
    ) -> None:
        method, _, template = operation.partition(" ")
        shown = keys.shown(operation)

        for mark, content_type, body in SENT_WITHOUT_LEAVE:
            answer = Client().generic(
                method, template.format(**ours.ids), body, content_type, headers={**mark, "Authorization": shown}
            )
            assert answer.status_code == 415, (mark, content_type, body)
        assert state() == before

    @each_change
    def test_is_not_what_a_program_without_a_body_is_taken_for(
        self, operation: str, ours: Tenant, keys: KeyRing
    ) -> None:
        method, _, template = operation.partition(" ")
        shown = {"Authorization": keys.shown(operation)}

        answer = Client().generic(method, template.format(**ours.ids), b"", "", headers=shown)

        if operation in TAKES_IMAGE:
            assert answer.status_code == 415
            return
        # Not refused for the content type that it does not have.
        needs_body = operation in NEEDS_BODY or needed_by(operation) or body_of(operation)
        assert answer.status_code == (422 if needs_body else OPERATIONS[operation][1])

    @each_change
    def test_with_leave_to_send_json_there_is_none(self, operation: str, ours: Tenant) -> None:
        _, _, template = operation.partition(" ")
        asking = {"Origin": "https://evil.example", "Access-Control-Request-Method": operation.partition(" ")[0]}

        answer = Client().options(template.format(**ours.ids), headers=asking)

        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert answer.status_code in {401, 405}


def headers(answer: HttpResponse) -> dict[str, str]:
    """Return those that two equal requests are answered with."""
    of_one_request = {"X-Request-Id", "RateLimit-Remaining", "RateLimit-Reset"}
    return {name: value for name, value in answer.headers.items() if name not in of_one_request}


def _named(operation: str, tenant: Tenant) -> list[str]:
    return [known for name, known in tenant.ids.items() if f"{{{name}}}" in operation]


def without(answer: HttpResponse, *ids: str) -> str:
    """Return the body with the ids that the request itself held taken out, and the request's own."""
    text = answer.content.decode().replace(answer.headers["X-Request-Id"], "REQUEST")
    for known in ids:
        whole = UUID(known.ljust(32, "0"))
        text = text.replace(known, "ID").replace(str(whole), "ID").replace(whole.hex, "ID")
    return text


@for_each("operation", sorted(OPEN_OPERATIONS))
def test_what_is_open_is_so_to_everybody(operation: str, keys: KeyRing) -> None:
    for shown in ("", "Basic nonsense", keys.shown(operation, fate="revoked")):
        assert call(operation, {}, shown=shown).status_code == 200
