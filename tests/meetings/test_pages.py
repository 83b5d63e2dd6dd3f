"""What the dashboard says of a meeting's livestream."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from streams.meetings.broadcasts import start_meeting_livestream, stop_meeting_livestream
from streams.models import Meeting, User
from streams.organizations.services import SYSTEM


@pytest.fixture(autouse=True)
def _plain_static_names(settings: Settings) -> None:
    backend = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": backend}


def test_page_of_a_stopped_livestream_promises_no_more_broadcasts(meeting: Meeting, owner: User) -> None:
    livestream, _ = start_meeting_livestream(meeting=meeting, name="Town hall", actor=SYSTEM)
    browser = Client()
    browser.force_login(owner)
    page = reverse("streams:livestream_detail", args=[livestream.pk])
    assert "Ready for an encoder." in browser.get(page).content.decode()

    stop_meeting_livestream(meeting=meeting, actor=SYSTEM)

    shown = browser.get(page).content.decode()
    assert "Ready for an encoder." not in shown
    assert "livestream was stopped" in shown
    assert "<b>Stopped</b>" in shown
