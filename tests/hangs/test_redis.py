"""A Redis that hangs: nobody waits for it who has something to do."""

import time

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from redis.exceptions import RedisError

from livehub.core import deferred, jobs
from streams.livestreams.services import rename_livestream
from streams.models import Livestream
from streams.organizations.services import SYSTEM
from tests.hangs.servers import hung_redis, timed

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_encoder_is_admitted(livestream: Livestream) -> None:
    address = f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}"
    with hung_redis():
        started = time.monotonic()
        answer = Client().post(address, {"name": livestream.stream_key, "clientid": "1", "call": "publish"})
        took_s = time.monotonic() - started

    assert (answer.status_code, took_s < 4) == (302, True)
    assert deferred.flush(30)


def test_twenty_changes_wait_for_nothing(livestream: Livestream) -> None:
    def rename() -> None:
        for number in range(20):
            rename_livestream(livestream=livestream, name=f"Name {number}", actor=SYSTEM)

    with hung_redis():
        assert timed(rename) < 15

    assert deferred.flush(30)
    assert Livestream.objects.get().name == "Name 19"


def test_what_is_sent_is_tried_for_seconds_and_works_again_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    def enqueue() -> None:
        with transaction.atomic():
            jobs.enqueue("streams.sweep_sessions")

    enqueue()
    assert deferred.flush(10)
    with hung_redis():
        enqueue()
        assert timed(lambda: deferred.flush(10)) < 8
    enqueue()

    assert deferred.flush(10)
    said = [record.getMessage() for record in caplog.records if record.name == "livehub.core.deferred"]
    assert said[-1] == "sending works again message=streams.sweep_sessions lost=1"


def test_the_cache_is_given_up() -> None:
    def look() -> None:
        with pytest.raises(RedisError):
            cache.get("x")

    cache.set("x", 1)
    with hung_redis():
        assert timed(look) < 10
    assert cache.get("x") == 1
