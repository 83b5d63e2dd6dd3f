"""Handing work to Celery."""

from datetime import datetime, timedelta

import pytest
from celery import Celery, beat
from django.conf import settings
from django.db import transaction

from livehub.celery import app
from livehub.core import deferred, jobs


def test_what_beat_calls_is_there_for_workers() -> None:
    app.loader.import_default_modules()

    assert {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= app.tasks.keys()


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
