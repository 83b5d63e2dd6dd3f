"""What goes wrong on our side, and what must not be tried again."""

import pytest

from livehub.api.errors import describe_problem
from livehub.core.errors import StaleStatusError
from streams.models import Livestream
from tests.api.clients import ApiClient, read


class TestOurFault:
    def test_is_json_and_logged_and_tells_nothing(
        self, api: ApiClient, livestream: Livestream, caplog: pytest.LogCaptureFixture
    ) -> None:
        Livestream.objects.filter(pk=livestream.pk).update(stream_key_encrypted="under a lost key")

        response = api.get(f"/livestreams/{livestream.pk}")

        assert response.status_code == 500
        assert read(response)["error"]["type"] == "internal_error"
        assert "LIVEHUB_ENCRYPTION_KEYS" not in response.content.decode()
        assert "LIVEHUB_ENCRYPTION_KEYS" in caplog.text


class TestConflict:
    def test_is_not_tried_again_by_the_vendors_clients(self) -> None:
        problem = describe_problem(StaleStatusError("Somebody else was first."))

        assert (problem.http_status, problem.type) == (409, "stale_status")
        assert problem.headers == {"x-should-retry": "false"}
