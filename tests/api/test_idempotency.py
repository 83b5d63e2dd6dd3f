"""Idempotency-Key: what is sent again is answered again, and done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.http import HttpResponse

from livehub.core import clock
from streams.models import ApiKey, AuditEntry, KeptAnswer, Livestream
from streams.organizations.kept_answers import forget_answers
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, dyte_client, read, realtimekit_client

KEY = "0f8d6c7e-create-autumn-keynote"


def post(api: ApiClient, *, key: str = KEY, path: str = "/livestreams", name: object = "Keynote") -> HttpResponse:
    return api.request("POST", path, body={"name": name}, headers={"Idempotency-Key": key})


@pytest.mark.django_db
class TestAgain:
    def test_is_answered_alike_and_done_once(self, api: ApiClient) -> None:
        first, second = post(api), post(api)

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert "Idempotent-Replayed" not in first.headers
        assert second.headers["Idempotent-Replayed"] == "true"
        assert Livestream.objects.count() == 1
        assert AuditEntry.objects.filter(action="livestream.created").count() == 1

    def test_with_another_key_is_another_request(self, api: ApiClient) -> None:
        first, second = post(api), post(api, key="another")

        assert read(first)["data"]["id"] != read(second)["data"]["id"]

    def test_of_another_program_is_another_request(self, home: NewOrganization) -> None:
        programs = dyte_client(home), realtimekit_client(home)

        first, second = (post(program) for program in programs)

        assert read(first)["data"]["id"] != read(second)["data"]["id"]
        assert [post(program).content for program in programs] == [first.content, second.content]

    def test_with_another_body_is_refused(self, api: ApiClient) -> None:
        post(api)

        answer = post(api, name="Another")

        assert (answer.status_code, read(answer)["error"]["type"]) == (422, "idempotency_key_taken")
        assert Livestream.objects.count() == 1

    def test_with_another_query_is_refused(self, api: ApiClient) -> None:
        post(api)

        assert post(api, path="/livestreams?name=Another").status_code == 422
        assert Livestream.objects.count() == 1

    def test_at_another_address_is_refused(self, api: ApiClient) -> None:
        livestream = read(post(api))["data"]

        answer = post(api, path=f"/livestreams/{livestream['id']}/reset-stream-key")

        assert (answer.status_code, read(answer)["error"]["type"]) == (422, "idempotency_key_taken")
        assert Livestream.objects.get().stream_key == livestream["stream_key"]

    def test_after_a_failure_is_done(self, api: ApiClient) -> None:
        assert post(api, name=1).status_code == 422
        assert not KeptAnswer.objects.exists()

        assert post(api).status_code == 201

    @pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "a\tb", "\x00"])
    def test_needs_a_key_that_is_one(self, api: ApiClient, key: str) -> None:
        answer = post(api, key=key)

        assert (answer.status_code, read(answer)["error"]["type"]) == (400, "invalid_idempotency_key")
        assert not Livestream.objects.exists()

    @pytest.mark.parametrize("key", ["x" * 255, "~", " a b "])
    def test_takes_any_other(self, api: ApiClient, key: str) -> None:
        assert post(api, key=key).status_code == 201

    def test_is_nothing_for_what_changes_nothing(self, api: ApiClient) -> None:
        api.request("GET", "/livestreams", headers={"Idempotency-Key": KEY})

        assert not KeptAnswer.objects.exists()

    def test_is_nothing_for_what_may_be_done_again(self, dyte: ApiClient, livestream: Livestream) -> None:
        for name in ("First", "Second", "First"):
            dyte.request(
                "PATCH", f"/livestreams/{livestream.pk}", body={"name": name}, headers={"Idempotency-Key": KEY}
            )
            livestream.refresh_from_db()
            assert livestream.name == name

        assert not KeptAnswer.objects.exists()

    def test_needs_a_key_of_ours_before_it_is_looked_at(self, api: ApiClient) -> None:
        post(api)

        answer = api.request("POST", "/livestreams", headers={"Idempotency-Key": KEY}, authorization="Basic bm86bm8=")

        assert answer.status_code == 401


@pytest.mark.django_db
class TestKept:
    def test_is_unreadable_without_our_keys(self, dyte: ApiClient) -> None:
        stream_key = read(post(dyte))["data"]["stream_key"]

        kept = KeptAnswer.objects.get()
        assert stream_key not in kept.body
        assert "sk_" not in kept.body

    def test_for_a_day(self, dyte: ApiClient) -> None:
        post(dyte, key="old")
        post(dyte, key="new")
        for key, age in (("old", timedelta(hours=24, seconds=1)), ("new", timedelta(hours=23, minutes=59))):
            KeptAnswer.objects.filter(key=key).update(created_at=clock.now() - age)

        assert forget_answers() == 1

        assert KeptAnswer.objects.get().key == "new"

    def test_for_a_day_however_many_there_are(self, home: NewOrganization) -> None:
        api_key, long_ago = ApiKey.objects.filter(organization=home.organization)[0], clock.now() - timedelta(days=2)
        KeptAnswer.objects.bulk_create(
            KeptAnswer(api_key=api_key, key=str(number), fingerprint=b"", http_status=200, created_at=long_ago)
            for number in range(5001)
        )

        assert forget_answers() == 5001


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_is_done_once_and_answered_alike(self, dyte: ApiClient) -> None:
        def send(_: int) -> HttpResponse:
            try:
                return post(dyte)
            finally:
                connection.close()

        with ThreadPoolExecutor(max_workers=20) as programs:
            answers = list(programs.map(send, range(20)))

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sorted(answer.headers.get("Idempotent-Replayed", "") for answer in answers) == ["", *["true"] * 19]
        assert Livestream.objects.count() == 1

    def test_waits_a_bounded_time_for_the_first(self, dyte: ApiClient) -> None:
        def send() -> HttpResponse:
            try:
                return post(dyte)
            finally:
                connection.close()

        with ThreadPoolExecutor(max_workers=1) as program, transaction.atomic():
            post(dyte)
            answer = program.submit(send).result(timeout=30)
            transaction.set_rollback(True)

        assert (answer.status_code, read(answer)["error"]["type"]) == (409, "idempotency_key_in_use")
        assert (answer.headers["Retry-After"], answer.headers["x-should-retry"]) == ("1", "true")
        assert not Livestream.objects.exists()
