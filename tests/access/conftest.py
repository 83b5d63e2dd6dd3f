"""Two tenants with one of everything, and people of every role."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from livehub.api.identifiers import object_id
from livehub.core import clock
from streams.identity.models import public_id_of
from streams.livestreams.outputs import NewOutput, create_output
from streams.livestreams.pulls import PullChange
from streams.livestreams.services import create_livestream
from streams.livestreams.slate_pictures import set_slate_picture
from streams.livestreams.states import SimulcastState
from streams.models import (
    ApiKey,
    Invitation,
    Livestream,
    Member,
    Output,
    PushEvent,
    Recording,
    Role,
    SelfTest,
    Session,
    User,
)
from streams.organizations import members
from streams.organizations.models import AttemptBudget
from streams.organizations.services import SYSTEM, NewOrganization, create_organization
from streams.recordings.services import NewRecording, start_recording
from streams.recordings.states import RecordingStatus
from streams.self_tests.states import SelfTestState
from tests.meetings.home import furnish
from tests.recordings.rows import clip_of
from tests.runs import connected
from tests.stores.storages import furnish_storage
from tests.streams.images import image_bytes
from tests.webhooks.happenings import furnish_webhooks

_APPS = ("streams", "analytics", "webhooks")
# Written when somebody is let in, or tries to be.
_TRACES = frozenset({"last_used_at", "last_login", "last_seen_at"})
_TRACING_MODELS = (AttemptBudget,)
_TRACING_ACTIONS = ("api_key.rejected", "user.logged_in", "user.logged_out", "user.log_in_failed")
# The rows of each model, as text.
State = dict[str, str]


@dataclass(frozen=True)
class Tenant:
    """What arguments of addresses mean at one tenant; an argument that has no entry here fails the test."""

    made: NewOrganization
    ids: dict[str, str]

    def unknown(self) -> dict[str, str]:
        """Return ids that nothing has, each spelt as the known one."""
        return {
            name: str(uuid.uuid4()) if "-" in known else uuid.uuid4().hex[: len(known)]
            for name, known in self.ids.items()
        }


@pytest.fixture(autouse=True)
def _plain_static_names(settings: Settings) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def _unthrottled(settings: Settings) -> None:
    """A module's tests send all they send with a few keys."""
    settings.API_REQUESTS_PER_KEY = 1_000_000


@pytest.fixture(scope="module")
def _kept(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the tenants once for all tests of a module, each of which takes back what it changes."""
    with django_db_blocker.unblock(), undone(), _prepared():
        with connection.cursor() as cursor:
            # The transaction lasts as long as the module's tests, and what they call may wait for others.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")
        yield


@pytest.fixture(autouse=True)
def _within_what_is_kept(_kept: None, db: None) -> None:
    pass


@pytest.fixture(scope="module")
def home(_kept: None) -> NewOrganization:
    return create_organization(
        name="Northwind Events", email="owner@northwind.example", password="correct horse battery"
    )


@pytest.fixture(scope="module")
def abroad(_kept: None) -> NewOrganization:
    return create_organization(name="Contoso", email="owner@contoso.example", password="another horse battery")


@pytest.fixture(scope="module")
def ours(home: NewOrganization) -> Tenant:
    return tenant_of(home)


@pytest.fixture(scope="module")
def theirs(abroad: NewOrganization) -> Tenant:
    return tenant_of(abroad)


def tenant_of(made: NewOrganization) -> Tenant:
    """Make one of everything."""
    livestream = create_livestream(app=made.app, name="Autumn keynote", actor=SYSTEM)
    session: Session = connected(livestream)
    set_slate_picture(livestream=livestream, sent=image_bytes(), actor=SYSTEM)
    key = ApiKey.objects.filter(organization=made.organization).order_by("created_at")[0]
    member = join(made, Role.OPERATOR)
    output = simulcast(livestream)
    recording = _stored_recording(livestream)
    # One dialect's outputs are changed only while nothing is broadcast.
    pull: PullChange = {"url": "rtmp://ann:s3cr3t@source.example.com/live", "enabled": False}
    idle = create_livestream(app=made.app, name="Idle", actor=SYSTEM, pull=pull)
    ids = {
        "account_id": made.organization.pk.hex,
        "app_id": str(made.app.pk),
        "cloud_name": made.app.pk.hex,
        "live_stream_id": idle.pk.hex,
        "live_stream_output_id": simulcast(idle).pk.hex,
        "stream_id": object_id(livestream.pk),
        "output_id": str(output.pk),
        "viewer_id": uuid.uuid4().hex,
        "platform_id": object_id(output.pk),
        "livestream_id": str(livestream.pk),
        "recording_id": str(recording.pk),
        "clip_id": str(clip_of(livestream, recording=recording).pk),
        "temporary_recording_id": object_id(recording.pk),
        "video_id": object_id(recording.pk),
        "public_id": _archive_of(livestream),
        "playback_id": livestream.playback_id,
        "session_id": str(session.pk),
        "api_key_id": str(key.pk),
        "member_id": str(member.pk),
        "invitation_id": str(invite(made, Role.OPERATOR).pk),
        "log_in_id": own_ids(logged_in(member.user))["log_in_id"],
        "self_test_id": str(_self_test().pk),
        **furnish(made.app),
        **furnish_webhooks(made.app),
        **furnish_storage(made.app),
    }
    meetings_own = Livestream.objects.get(app=made.app, meeting=uuid.UUID(ids["meeting_id"]), stopped_at=None)
    start_recording(livestream=meetings_own, new=NewRecording(may_wait=True), actor=SYSTEM)
    return Tenant(made, ids)


def simulcast(livestream: Livestream) -> Output:
    new = NewOutput(type="simulcast", uri="rtmp://a.example.com/live2", stream_key="sk_of-a-platform")
    output = create_output(livestream=livestream, new=new, actor=SYSTEM)
    PushEvent.objects.create(output=output, at=clock.now(), state=SimulcastState.RETRYING)
    return output


def _self_test() -> SelfTest:
    return SelfTest.objects.create(node="main", state=SelfTestState.PASSED, until=clock.now())


def _archive_of(livestream: Livestream) -> str:
    """Give the livestream's archive a public id that is spelt as ids are, and return it."""
    public_id = uuid.uuid4().hex
    Output.objects.filter(livestream=livestream, type="archive").update(public_id=public_id)
    return public_id


def _stored_recording(livestream: Livestream) -> Recording:
    recording = start_recording(livestream=livestream, new=NewRecording(), actor=SYSTEM)
    Recording.objects.filter(pk=recording.pk).update(status=RecordingStatus.UPLOADED)
    return recording


def join(made: NewOrganization, role: Role) -> Member:
    """Make another person a member."""
    return Member.objects.create(organization=made.organization, user=_person(), role=role)


def invite(made: NewOrganization, role: Role) -> Invitation:
    email = f"{uuid.uuid4().hex}@northwind.example"
    return members.invite_member(organization=made.organization, email=email, role=role, actor=SYSTEM)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def own_ids(browser: Client) -> dict[str, str]:
    """Return what arguments of addresses mean that are about the person themselves."""
    session_key = browser.session.session_key or ""
    ids = {"log_in_id": str(public_id_of(session_key))}
    place = Member.objects.filter(user__log_ins=session_key).first()
    return {**ids, "member_id": str(place.pk)} if place else ids


def _person(*, is_staff: bool = False) -> User:
    return User.objects.create_user(f"{uuid.uuid4().hex}@northwind.example", "correct horse", is_staff=is_staff)


@pytest.fixture(scope="module")
def _cookies(home: NewOrganization) -> dict[tuple[Role | None, bool], str]:
    people: dict[tuple[Role | None, bool], User] = {(role, False): join(home, role).user for role in Role}
    people.update({(None, is_staff): _person(is_staff=is_staff) for is_staff in (False, True)})
    return {who: logged_in(person).session.session_key or "" for who, person in people.items()}


@pytest.fixture
def browser_of(_cookies: dict[tuple[Role | None, bool], str]) -> Callable[..., Client]:
    """Return an own browser of the one who has that role, or is of no organization; they have logged in there."""

    def make(role: Role | None, *, is_staff: bool = False) -> Client:
        browser = Client()
        browser.cookies[settings.SESSION_COOKIE_NAME] = _cookies[role, is_staff]
        return browser

    return make


@pytest.fixture(scope="module")
def before(ours: Tenant, theirs: Tenant, _cookies: object) -> State:
    """What each test of a module finds, since all take back what they change."""
    return state()


def state() -> State:
    """Return every row of the product's, without what any visit leaves."""
    with connection.cursor() as cursor:
        cursor.execute("EXECUTE everything")
        return dict(cursor.fetchall())


@contextmanager
def _prepared() -> Iterator[None]:
    """One query for all tables, with one plan: asked 1,000 times it would else be half the time of these tests."""
    models = (model for label in _APPS for model in apps.get_app_config(label).get_models())
    everything = " UNION ALL ".join(_rows_of(model) for model in models if model not in _TRACING_MODELS)
    with connection.cursor() as cursor:
        cursor.execute(f"PREPARE everything AS {everything}", {"actions": list(_TRACING_ACTIONS)})
        try:
            yield
        finally:
            cursor.execute("DEALLOCATE everything")


def _rows_of(model: type[Model]) -> str:
    names = [str(field.column) for field in model._meta.concrete_fields]
    columns = [connection.ops.quote_name(name) for name in names if name not in _TRACES]
    # As text, and not as JSON, which takes three times as long.
    order = ", ".join(str(field.column) for field in model._meta.pk_fields)
    rows = f"SELECT string_agg(ROW({', '.join(columns)})::text, ' ' ORDER BY {order})"
    kept = "action <> ALL(%(actions)s)" if '"action"' in columns else "true"
    return f"SELECT '{model.__name__}', coalesce(({rows} FROM {model._meta.db_table} WHERE {kept}), '')"  # noqa: S608


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block changes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
