"""What goes wrong on our side, and what must not be tried again."""

import pytest

from livehub.api.errors import describe_problem
from livehub.core.errors import DomainError, IllegalTransitionError, StaleStatusError
from streams.models import Livestream, StreamKey
from tests.api.clients import ApiClient, read


class TestOurFault:
    def test_is_json_and_logged_and_tells_nothing(
        self, api: ApiClient, livestream: Livestream, caplog: pytest.LogCaptureFixture
    ) -> None:
        StreamKey.objects.filter(livestream=livestream).update(encrypted="under a lost key")

        response = api.get(f"/livestreams/{livestream.pk}")

        assert response.status_code == 500
        assert read(response)["error"]["type"] == "internal_error"
        assert "LIVEHUB_ENCRYPTION_KEYS" not in response.content.decode()
        assert "LIVEHUB_ENCRYPTION_KEYS" in caplog.text


class TestConflict:
    @pytest.mark.parametrize(
        ("error", "http_status", "should_retry"),
        [
            (StaleStatusError("Somebody else was first."), 503, "true"),
            (IllegalTransitionError("No such step."), 409, "false"),
        ],
    )
    def test_is_tried_again_by_the_vendors_clients_only_where_that_helps(
        self, error: DomainError, http_status: int, should_retry: str
    ) -> None:
        problem = describe_problem(error)

        assert (problem.http_status, problem.type) == (http_status, error.code)
        assert problem.headers == {"x-should-retry": should_retry}
