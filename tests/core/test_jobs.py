"""Handing work to Celery."""

from contextlib import closing
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from celery import Celery, beat
from django.conf import settings
from django.db import transaction

from livehub.celery import app
from livehub.core import deferred, jobs

# How often, in seconds. What is promised of sessions and files hangs on the first two; else rows grow without end.
SCHEDULED = {
    "streams.sweep_sessions": 5,
    "streams.sweep_meetings": 5,
    "webhooks.sweep": 5,
    "streams.call_for_upkeep": 60,
    "streams.call_for_disks": 15,
    "streams.sweep_recordings": 5,
    "streams.sweep_self_tests": 5,
    "streams.call_for_erasing": 60,
    "streams.forget_attempts": 600,
    "streams.forget_answers": 600,
    "streams.forget_unknown_keys": 600,
    "analytics.keep_up": 600,
    "webhooks.forget_old": 600,
    "webhooks.adopt_restored": 600,
}


def test_what_nobody_asks_for_is_called_again_and_again() -> None:
    app.loader.import_default_modules()

    scheduled = settings.CELERY_BEAT_SCHEDULE.values()
    assert {entry["task"]: entry["schedule"].seconds for entry in scheduled} == SCHEDULED
    assert app.tasks.keys() >= SCHEDULED.keys()


def test_mails_keep_no_encoder_from_being_cut() -> None:
    """A mail server may hang for a minute; who works on this queue: tests/stack/test_programs.py."""
    app.loader.import_default_modules()
    mails = sorted(name for name in app.tasks if name.startswith("streams.mail_"))

    assert mails == ["streams.mail_invitation", "streams.mail_password_reset", "streams.mail_who_forgot"]
    assert {app.amqp.router.route({}, name)["queue"].name for name in mails} == {"mail"}


def test_what_is_due_is_due_as_well_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler, now = beat.Scheduler(app), Celery.now
    monkeypatch.setattr(scheduler, "send_task", lambda *args, **kwargs: None)
    scheduler.tick()

    def an_hour_ago(self: Celery) -> datetime:
        earlier: datetime = now(self) - timedelta(hours=1)
        return earlier

    monkeypatch.setattr(Celery, "now", an_hour_ago)

    assert 0 < scheduler.tick() <= 5
    entries = [scheduler.schedule[name] for name in settings.CELERY_BEAT_SCHEDULE]
    assert all(entry.is_due().next <= entry.schedule.seconds for entry in entries)


class TestEnqueue:
    @pytest.mark.django_db(transaction=True)
    def test_broker_that_is_away_spoils_nothing(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(*args: object, **kwargs: object) -> None:
            raise ConnectionError("no broker")

        monkeypatch.setattr("celery.current_app.send_task", refuse)

        with transaction.atomic():
            jobs.enqueue("streams.run_session", session_id="x")

        assert deferred.flush(10)
        assert "no broker" in caplog.text


def test_what_waits_is_counted_in_queues_that_are_there_and_in_those_that_are_not() -> None:
    name = f"counted.{uuid4().hex}"
    with app.connection_for_write() as broker, closing(broker.SimpleQueue(name)) as queue:
        queue.put({})
        queue.put({})

        found = jobs.count_waiting_in([f"{name}.before", name, f"{name}.after"])

        assert found == {f"{name}.before": 0, name: 2, f"{name}.after": 0}
        queue.clear()
