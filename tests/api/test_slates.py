"""The picture that viewers see while an encoder is away, as programs set it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from streams.livestreams.slate_images import IMAGE_MAX_BYTES
from streams.models import AuditEntry, Livestream, SlatePicture
from tests.api.clients import ApiClient, read
from tests.streams.images import claimed_png, image_bytes, opened

pytestmark = pytest.mark.django_db


def _put(dyte: ApiClient, livestream: Livestream, sent: bytes, content_type: str = "image/png") -> tuple[int, object]:
    answer = dyte.request("PUT", f"/livestreams/{livestream.pk}/slate", raw=sent, content_type=content_type)
    return answer.status_code, read(answer)


class TestChoice:
    def test_is_a_slate_as_it_comes(self, dyte: ApiClient) -> None:
        assert read(dyte.post("/livestreams", {"name": "Keynote"}))["data"]["while_away"] == "slate"

    def test_is_made_and_changed(self, dyte: ApiClient) -> None:
        made = read(dyte.post("/livestreams", {"while_away": "nothing"}))["data"]
        changed = read(dyte.patch(f"/livestreams/{made['id']}", {"while_away": "slate"}))["data"]

        assert (made["while_away"], changed["while_away"]) == ("nothing", "slate")

    def test_may_be_the_last_picture(self, dyte: ApiClient, livestream: Livestream) -> None:
        changed = read(dyte.patch(f"/livestreams/{livestream.pk}", {"while_away": "hold"}))["data"]

        assert changed["while_away"] == "hold"
        assert Livestream.objects.get().while_away == "hold"

    @pytest.mark.parametrize("choice", ["last_picture", "", None, 1])
    def test_that_there_is_not_is_refused(self, dyte: ApiClient, livestream: Livestream, choice: object) -> None:
        answer = dyte.patch(f"/livestreams/{livestream.pk}", {"while_away": choice})

        assert answer.status_code == 422
        assert "while_away" in read(answer)["error"]["message"] + answer.content.decode()


class TestPicture:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    def test_is_set_and_got(self, dyte: ApiClient, livestream: Livestream, kind: str) -> None:
        sent = image_bytes((2560, 1440), kind=kind)

        answer = dyte.request(
            "PUT", f"/livestreams/{livestream.pk}/slate", raw=sent, content_type=f"image/{kind.lower()}"
        )
        got = dyte.get(f"/livestreams/{livestream.pk}/slate")

        told = read(answer)["data"]
        assert answer.status_code == 200
        assert (told["width"], told["height"], told["content_type"]) == (1920, 1080, "image/png")
        assert told["sha256"] == SlatePicture.objects.get().sha256
        assert told["updated_at"]
        assert got.headers["Content-Type"] == "image/png"
        assert got.headers["Cache-Control"] == "no-store"
        assert opened(got.content).size == (1920, 1080)

    def test_may_be_larger_than_other_bodies(self, dyte: ApiClient, livestream: Livestream) -> None:
        # What stands behind an image is none of it.
        status, _ = _put(dyte, livestream, image_bytes() + bytes(IMAGE_MAX_BYTES - 10_000))

        assert status == 200

    def test_is_removed(self, dyte: ApiClient, livestream: Livestream) -> None:
        _put(dyte, livestream, image_bytes())

        answers = [dyte.delete(f"/livestreams/{livestream.pk}/slate") for _ in range(2)]

        assert [read(answer)["data"] for answer in answers] == [{"message": "Slate removed"}] * 2
        assert dyte.get(f"/livestreams/{livestream.pk}/slate").status_code == 404

    def test_is_told_of_with_the_key_that_set_it(self, dyte: ApiClient, livestream: Livestream) -> None:
        _put(dyte, livestream, image_bytes())

        entry = AuditEntry.objects.get(action="livestream.slate_picture_set")
        assert entry.api_key is not None
        assert entry.detail == {"sha256": SlatePicture.objects.get().sha256}

    @pytest.mark.parametrize(
        ("sent", "content_type", "status", "said"),
        [
            (b"hello", "image/png", 422, "no image that can be read"),
            (claimed_png(9000, 9000), "image/png", 422, "at most 8192 a side"),
            (bytes(IMAGE_MAX_BYTES + 1), "image/png", 413, "at most 5 MB"),
            (image_bytes(), "application/json", 415, "Content-Type: image/png"),
            (image_bytes(), "", 415, "Content-Type: image/png"),
        ],
    )
    def test_that_is_none_is_refused_in_words(
        self, dyte: ApiClient, livestream: Livestream, sent: bytes, content_type: str, status: int, said: str
    ) -> None:
        found, answer = _put(dyte, livestream, sent, content_type)

        assert found == status
        assert said in str(answer)
        assert not SlatePicture.objects.exists()

    def test_of_somebody_else_is_not_there(self, dyte: ApiClient, foreign_livestream: Livestream) -> None:
        assert _put(dyte, foreign_livestream, image_bytes())[0] == 404
        for method in ("GET", "DELETE"):
            assert dyte.request(method, f"/livestreams/{foreign_livestream.pk}/slate").status_code == 404
        assert not SlatePicture.objects.exists()


def test_is_read_by_no_list(dyte: ApiClient, livestream: Livestream) -> None:
    _put(dyte, livestream, image_bytes())

    with CaptureQueriesContext(connection) as queries:
        dyte.get("/livestreams")
        dyte.get(f"/livestreams/{livestream.pk}")

    assert queries.captured_queries
    assert not [query for query in queries if "slatepicture" in query["sql"]]
