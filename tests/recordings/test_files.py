"""Recordings in this node's folder, for whoever has a link."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils.http import urlencode
from pytest_django import Settings

from livehub.core import clock
from streams.models import Livestream, Recording, Session
from streams.organizations.services import SYSTEM
from streams.recordings.links import download_link, own_link
from streams.recordings.services import NewRecording, start_recording


@pytest.fixture
def recording(session: Session, livestream: Livestream) -> Recording:
    made = start_recording(livestream=livestream, new=NewRecording(file_name_prefix="Größe"), actor=SYSTEM)
    Recording.objects.filter(pk=made.pk).update(status="uploaded")
    return Recording.objects.get()


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_are_handed_over_to_the_edge(recording: Recording) -> None:
    link = download_link(recording)
    assert link is not None

    answer = Client().get(_path(link.url))

    assert answer.status_code == 200
    assert answer["X-Accel-Redirect"].startswith(f"/recording-files/{recording.app_id.hex}/Gr%C3%B6%C3%9Fe_")
    assert answer["Content-Disposition"].startswith("attachment")


def test_are_shown_in_a_page_where_that_is_asked_for(recording: Recording) -> None:
    link = download_link(recording)
    assert link is not None

    assert Client().get(f"{_path(link.url)}&play")["Content-Disposition"].startswith("inline")


def test_have_no_link_before_they_are_stored(recording: Recording) -> None:
    recording.status = "uploading"

    assert download_link(recording) is None


@pytest.mark.parametrize("change", ["none", "other", "torn"])
def test_are_nobodys_without_a_good_link(recording: Recording, change: str) -> None:
    until = clock.now() + timedelta(hours=1)
    link = urlsplit(own_link(recording.pk, expires_at=until))
    token = {"none": "", "other": "x" + link.query.partition("=")[2], "torn": link.query.partition("=")[2][:-2]}[change]

    answer = Client().get(f"{link.path}?{urlencode({'token': token})}")

    assert (answer.status_code, "X-Accel-Redirect" in answer) == (410, False)


def test_are_nobodys_when_the_links_time_is_over(recording: Recording) -> None:
    link = own_link(recording.pk, expires_at=clock.now() - timedelta(seconds=2))

    assert Client().get(_path(link)).status_code == 410


def test_are_nobodys_once_they_are_deleted(recording: Recording) -> None:
    link = download_link(recording)
    assert link is not None
    Recording.objects.update(deleted_at=clock.now())

    assert Client().get(_path(link.url)).status_code == 404


class TestOfAnotherMachine:
    def test_are_fetched_from_there(self, recording: Recording, settings: Settings) -> None:
        link = download_link(recording)
        assert link is not None
        settings.NODE, settings.NODE_URLS = "south", {"main": "https://north.example.org"}

        answer = Client().get(_path(link.url))

        assert answer.status_code == 302
        assert answer["Location"] == f"https://north.example.org{_path(link.url)}&sent=1"
        settings.NODE = "main"
        assert Client().get(urlsplit(answer["Location"]).path, {"token": _token_of(link.url)}).status_code == 200

    def test_say_where_they_are_if_nobody_knows_how_to_get_there(
        self, recording: Recording, settings: Settings
    ) -> None:
        link = download_link(recording)
        assert link is not None
        settings.NODE, settings.NODE_URLS = "south", {"north": "https://north.example.org"}

        answer = Client().get(_path(link.url))

        assert (answer.status_code, answer.has_header("X-Accel-Redirect")) == (503, False)
        assert "in the folder of the machine main" in answer.content.decode()
        assert "where that machine is reached" in answer.content.decode()

    def test_are_not_sent_round_in_a_circle(self, recording: Recording, settings: Settings) -> None:
        link = download_link(recording)
        assert link is not None
        settings.NODE, settings.NODE_URLS = "south", {"main": "https://north.example.org"}

        assert Client().get(f"{_path(link.url)}&sent=1").status_code == 503


def _token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]
