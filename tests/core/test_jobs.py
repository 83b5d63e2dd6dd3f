"""Handing work to Celery."""

import pytest
from django.conf import settings
from django.db import transaction

from livehub.celery import app
from livehub.core import deferred, jobs


def test_what_beat_calls_is_there_for_workers() -> None:
    app.loader.import_default_modules()

    assert {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= app.tasks.keys()


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
