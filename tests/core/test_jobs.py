"""Handing work to Celery."""

import pytest
from django.db import transaction

from livehub.core import deferred, jobs


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
