"""A PostgreSQL that hangs, and rows that somebody keeps locked: everybody gets an answer in time."""

import time

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.test import Client

from livehub.core.deadline import deadline, remaining_s
from livehub.core.postgresql import bounds
from streams.models import Livestream, User
from streams.organizations.services import NewOrganization
from tests.api.clients import ApiClient, dyte_client, read
from tests.hangs.servers import hung_postgres, locked_rows, timed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(home: NewOrganization) -> ApiClient:
    return dyte_client(home)


@pytest.fixture
def livestreams(livestream: Livestream) -> str:
    """The table of livestreams, with one in it."""
    return livestream._meta.db_table


def _hook(hook: str, key: str, *, call: str) -> tuple[int, bool]:
    """Return the hook's status, and whether it answered before PostgreSQL itself gives up."""
    address = f"/internal/ingest/{hook}?token={settings.INGEST_HOOK_TOKEN}"
    fields = {"name": key, "clientid": "1", "call": call}
    started = time.monotonic()
    status = Client().post(address, fields).status_code
    return status, time.monotonic() - started < 2.8


class TestDeadline:
    def test_the_earlier_one_holds(self) -> None:
        with deadline(1), deadline(60):
            assert remaining_s(at_most=30) <= 1
        assert remaining_s(at_most=30) == 30

    def test_that_has_passed_leaves_nothing(self) -> None:
        with deadline(-1):
            assert remaining_s(at_most=30) == 0


class TestStatementOfAHungServer:
    def test_is_given_up_at_the_deadline_and_its_connection_never_used_again(self) -> None:
        connection.ensure_connection()
        hanging = connection.connection

        def ask() -> None:
            with pytest.raises(OperationalError), deadline(0.5), connection.cursor() as cursor:
                cursor.execute("SELECT 2")

        with hung_postgres():
            assert timed(ask) < 3.5
        assert hanging.closed
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 3")
            assert cursor.fetchone() == (3,)

    def test_leaves_nothing_of_its_transaction_and_the_thread_able_to_work(self, livestream: Livestream) -> None:
        @transaction.atomic
        def rename_twice() -> None:
            Livestream.objects.update(name="half done")
            with hung_postgres(), deadline(0.5):
                Livestream.objects.update(name="hung")

        with pytest.raises(OperationalError):
            rename_twice()

        assert Livestream.objects.get().name == livestream.name

    def test_is_bounded_without_a_deadline_too(self) -> None:
        def ask() -> None:
            with pytest.raises(OperationalError), connection.cursor() as cursor:
                cursor.execute("SELECT 1")

        with hung_postgres():
            assert timed(ask) < 15
        connection.close()


class TestServerSideBounds:
    @pytest.mark.parametrize(("name", "value"), bounds.SERVER_SIDE.items())
    def test_hold_on_every_connection_but_those_of_maintenance(self, name: str, value: str) -> None:
        def shown() -> str:
            with connection.cursor() as cursor:
                cursor.execute(f"SHOW {name}")
                return str(cursor.fetchone()[0])

        connection.close()
        assert shown() == value
        connection.close()
        with bounds.lifted():
            assert shown() == "0"
            assert type(connection.connection).__name__ == "Connection"
            connection.close()


class TestApi:
    def test_of_a_hung_database_says_so_and_when_to_come_again(
        self, api: ApiClient, livestream: Livestream, caplog: pytest.LogCaptureFixture
    ) -> None:
        with hung_postgres():
            # As a new request has it, which takes a connection from the pool.
            connection.close()
            started = time.monotonic()
            response = api.get(f"/livestreams/{livestream.pk}")
            took_s = time.monotonic() - started

        assert (response.status_code, took_s < 10) == (503, True)
        assert read(response)["error"]["type"] == "unavailable"
        assert (response.headers["Retry-After"], response.headers["x-should-retry"]) == ("2", "true")
        assert "Traceback" not in caplog.text
        assert api.get(f"/livestreams/{livestream.pk}").status_code == 200

    def test_does_not_wait_for_a_locked_row(self, api: ApiClient, livestream: Livestream, livestreams: str) -> None:
        with locked_rows(livestreams):
            started = time.monotonic()
            response = api.patch(f"/livestreams/{livestream.pk}", {"name": "Winter keynote"})
            took_s = time.monotonic() - started

        assert (response.status_code, took_s < 10) == (503, True)
        assert api.patch(f"/livestreams/{livestream.pk}", {"name": "Winter keynote"}).status_code == 200


class TestIngestHooks:
    def test_refuse_and_go_on_while_the_database_hangs(self, livestream: Livestream) -> None:
        key = livestream.stream_key
        with hung_postgres():
            connection.close()
            assert _hook("publish", key, call="publish") == (503, True)
            connection.close()
            assert _hook("update", key, call="update_publish") == (204, True)

        assert _hook("publish", key, call="publish") == (302, True)

    def test_refuse_while_the_livestream_is_locked(self, livestream: Livestream, livestreams: str) -> None:
        key = livestream.stream_key
        with locked_rows(livestreams):
            assert _hook("publish", key, call="publish") == (503, True)

        assert _hook("publish", key, call="publish") == (302, True)


class TestDashboard:
    def test_asks_for_a_moment(self, owner: User) -> None:
        browser = Client()
        browser.force_login(owner)
        with hung_postgres():
            connection.close()
            answer = browser.get("/", headers={"HX-Request": "true"})

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert answer.headers["HX-Reswap"] == "none"
        assert "HX-Retarget" not in answer.headers
