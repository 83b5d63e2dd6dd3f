"""Browsers without a screen: Django's client, logged in as one persona or another."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.conf import LazySettings
from django.test import Client

from streams.livestreams import leases
from streams.meetings.services.meetings import create_meeting
from streams.models import Livestream, Meeting, Member, Participant, Role, Session, User
from streams.organizations.services import SYSTEM, NewOrganization
from tests import runs
from tests.meetings.people import added
from tests.runs import claimed

HTMX = {"HX-Request": "true"}


def get_html(client: Client, address: str, **headers: str) -> str:
    """Return a page that must be there."""
    answer = client.get(address, headers=headers or None)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


def squeezed(html: str) -> str:
    """Return it without white space around tags, where no reader sees it."""
    return re.sub(r"\s*(<[^>]+>)\s*", r"\1", html)


def remembered(html: str) -> dict[str, str]:
    """Return what the forms of a page send back of what they showed."""
    tags = re.findall(r'<input type="hidden" name="initial-[^>]*>', html)
    fields = [dict(re.findall(r'(name|value)="([^"]*)"', tag)) for tag in tags]
    return {field["name"]: unescape(field.get("value", "")) for field in fields}


@pytest.fixture(autouse=True)
def _plain_static_names(settings: LazySettings) -> None:
    """Pages name their files as they are in the tree: nothing has been collected here."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def log_in() -> Callable[[User], Client]:
    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def viewer(home: NewOrganization) -> User:
    """May look, and nothing else."""
    user = User.objects.create_user("viewer@northwind.example", "correct horse battery")
    Member.objects.create(organization=home.organization, user=user, role=Role.VIEWER)
    return user


@pytest.fixture
def operator(home: NewOrganization) -> User:
    """May run livestreams, but not manage keys."""
    user = User.objects.create_user("operator@northwind.example", "correct horse battery")
    Member.objects.create(organization=home.organization, user=user, role=Role.OPERATOR)
    return user


@pytest.fixture
def browser(owner: User, log_in: Callable[[User], Client]) -> Client:
    """The owner's."""
    return log_in(owner)


@pytest.fixture
def viewer_browser(viewer: User, log_in: Callable[[User], Client]) -> Client:
    return log_in(viewer)


@pytest.fixture
def connected(livestream: Livestream) -> Session:
    """A session whose encoder is there, but not its picture."""
    return runs.connected(livestream)


@pytest.fixture
def live(connected: Session) -> Session:
    """A session that viewers can watch."""
    lease = claimed(connected)
    leases.record_source(
        lease,
        source={"video_codec": "h264", "profile": "High", "width": 1280, "height": 720, "fps": 29.97, "gop_s": 2.0},
        renditions=[{"name": "720p", "kind": "copy", "width": 1280, "height": 720, "video_kbps": 2870}],
    )
    leases.mark_live(lease)
    connected.connections.update(measured={"fps": 29.97, "video_kbps": 2_870, "gop_s": 2.0})
    connected.refresh_from_db()
    return connected


@pytest.fixture
def meeting(home: NewOrganization) -> Meeting:
    return create_meeting(app=home.app, values={"title": "Backend standup"}, actor=SYSTEM)


@pytest.fixture
def mary(meeting: Meeting) -> Participant:
    """May join it."""
    return added(meeting, "mary", name="Mary Sue")
