"""What is answered, and how long is waited, while the database is away."""

import pytest
from django.conf import settings
from django.db import DataError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from psycopg import errors

from livehub.api.errors import describe_problem
from livehub.core.deadline import remaining_s
from livehub.core.outage import describe
from livehub.outage import OutageMiddleware, server_error


def _middleware() -> OutageMiddleware:
    return OutageMiddleware(lambda request: HttpResponse())


class TestRequest:
    def test_has_one_deadline_for_all_that_it_does(self) -> None:
        granted = list[float]()

        def view(request: HttpRequest) -> HttpResponse:
            granted.append(remaining_s(at_most=60))
            return HttpResponse()

        OutageMiddleware(view)(RequestFactory().get("/"))

        assert granted[0] <= 4.5
        assert remaining_s(at_most=60) == 60
        # What stands before it is not bounded.
        assert settings.MIDDLEWARE[0] == "livehub.outage.OutageMiddleware"

    @pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("the connection is closed")])
    def test_that_fails_for_the_databases_sake_is_answered_503(self, error: Exception) -> None:
        answer = _middleware().process_exception(RequestFactory().get("/"), error)

        assert answer is not None
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")

    @pytest.mark.parametrize(
        ("method", "came_from", "way"),
        [
            ("GET", "http://testserver/account", "/livestreams?sort=name&amp;q=a"),
            ("POST", "http://testserver/account?page=2", "http://testserver/account?page=2"),
            ("POST", "https://elsewhere.example/", "/"),
            ("POST", "", "/"),
        ],
    )
    def test_leads_back_to_where_one_was(self, method: str, came_from: str, way: str) -> None:
        request = RequestFactory().generic(method, "/livestreams?sort=name&q=a", headers={"Referer": came_from})

        answer = _middleware().process_exception(request, OperationalError("away"))

        assert answer is not None
        assert f'href="{way}" data-retry' in answer.content.decode()

    def test_that_fails_for_ours_is_not(self) -> None:
        assert _middleware().process_exception(RequestFactory().get("/"), DataError("ours")) is None

    @pytest.mark.parametrize(("method", "target"), [("POST", "livestream-row-1"), ("GET", "dialog")])
    def test_of_somebody_who_pressed_a_button_is_answered_on_top_of_the_page(self, method: str, target: str) -> None:
        request = RequestFactory().generic(method, "/", headers={"HX-Request": "true", "HX-Target": target})

        answer = _middleware().process_exception(request, OperationalError("away"))

        assert answer is not None
        assert (answer.headers["HX-Retarget"], answer.headers["HX-Reswap"]) == ("#main", "afterbegin")
        assert "Not done" in answer.content.decode()

    @pytest.mark.parametrize(("error", "status"), [(OperationalError("away"), 503), (DataError("ours"), 500)])
    def test_that_a_middleware_fails_is_answered_alike(self, error: Exception, status: int) -> None:
        try:
            raise error
        except (OperationalError, DataError):
            assert server_error(RequestFactory().get("/")).status_code == status


class TestApiProblem:
    @pytest.mark.parametrize("cause", [errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable])
    def test_of_transactions_in_each_others_way_is_worth_another_try(self, cause: type[Exception]) -> None:
        # Through Django's own translation of psycopg's errors.
        with pytest.raises(OperationalError) as raised, connection.wrap_database_errors:
            raise cause("in the way")

        problem = describe_problem(raised.value)

        assert (problem.http_status, problem.type) == (503, "unavailable")
        assert problem.headers == {"x-should-retry": "true", "Retry-After": "2"}


def test_the_log_gets_one_line() -> None:
    error = OperationalError("first\nsecond")
    error.__cause__ = errors.LockNotAvailable("first\nsecond")

    assert describe(error) == "LockNotAvailable: first"
