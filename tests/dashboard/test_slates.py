"""The page's picture for the time that an encoder is away: shown, taken, removed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from streams.livestreams import services
from streams.livestreams.slate_images import IMAGE_MAX_BYTES
from streams.livestreams.slate_pictures import set_slate_picture
from streams.media.slates import DEFAULT_PICTURE
from streams.models import AuditEntry, Livestream, SlatePicture
from streams.organizations.services import SYSTEM
from tests.dashboard.conftest import HTMX, get_html, squeezed
from tests.streams.images import image_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def waits(livestream: Livestream) -> Livestream:
    """A livestream that waits for encoders that drop."""
    return services.change_livestream(livestream=livestream, reconnect_window_s=60, actor=SYSTEM)


@pytest.fixture
def picture(waits: Livestream) -> SlatePicture:
    return set_slate_picture(livestream=waits, sent=image_bytes(), actor=SYSTEM)


def _upload(content: bytes, name: str = "slate.png") -> dict[str, object]:
    return {"image": SimpleUploadedFile(name, content, "image/png")}


class TestCard:
    def test_tells_of_the_usual_picture(self, browser: Client, waits: Livestream) -> None:
        html = squeezed(get_html(browser, f"/livestreams/{waits.pk}"))

        assert "<b>Meanwhile</b><span>The usual slate</span>" in html
        assert f'src="/livestreams/{waits.pk}/slate/image"' in html

    def test_shows_ones_own(
        self,
        browser: Client,
        waits: Livestream,
        picture: SlatePicture,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        with django_assert_num_queries(15) as queries:
            html = squeezed(get_html(browser, f"/livestreams/{waits.pk}"))

        assert "<span>Your own slate</span>" in html
        assert f'src="/livestreams/{waits.pk}/slate/image?{picture.sha256[:12]}"' in html
        assert not [query for query in queries if '"image"' in query["sql"]]

    def test_tells_that_nothing_is_shown(self, browser: Client, waits: Livestream) -> None:
        services.change_livestream(livestream=waits, while_away="nothing", actor=SYSTEM)

        html = squeezed(get_html(browser, f"/livestreams/{waits.pk}"))

        assert "<span>Nothing: players run out of video and wait</span>" in html
        assert "slate/image" not in html

    def test_says_nothing_of_it_where_a_drop_ends_the_broadcast(self, browser: Client, livestream: Livestream) -> None:
        assert "<b>Meanwhile</b>" not in get_html(browser, f"/livestreams/{livestream.pk}")


class TestForm:
    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_takes_a_picture(self, browser: Client, waits: Livestream, headers: dict[str, str]) -> None:
        address = f"/livestreams/{waits.pk}/slate"
        shown = get_html(browser, address, **headers)
        assert "The usual picture" in shown
        assert "A broadcast that is going on keeps the picture" in shown

        answer = browser.post(address, _upload(image_bytes((640, 360))), headers=headers)

        assert answer.status_code == (200 if headers else 303)
        assert SlatePicture.objects.get().width == 640
        assert AuditEntry.objects.filter(action="livestream.slate_picture_set", user__isnull=False).exists()

    def test_offers_to_replace_and_to_remove(self, browser: Client, waits: Livestream, picture: SlatePicture) -> None:
        shown = get_html(browser, f"/livestreams/{waits.pk}/slate")
        assert "Your picture, 320 \N{MULTIPLICATION SIGN} 180" in shown
        assert 'data-testid="remove-slate"' in shown

        answer = browser.post(f"/livestreams/{waits.pk}/slate/remove")

        assert answer.status_code == 303
        assert not SlatePicture.objects.exists()

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"hello", "This is no image that can be read. Choose a PNG, a JPEG or a WebP."),
            (b"", "The file is empty. Choose another one."),
            (bytes(IMAGE_MAX_BYTES + 100_000), "The image has 5.1 MB. Choose one of at most 5 MB."),
        ],
    )
    def test_says_what_is_wrong(self, browser: Client, waits: Livestream, content: bytes, said: str) -> None:
        answer = browser.post(f"/livestreams/{waits.pk}/slate", _upload(content))

        assert answer.status_code == 422
        assert said in answer.content.decode()
        assert not SlatePicture.objects.exists()

    def test_says_that_nothing_was_chosen(self, browser: Client, waits: Livestream) -> None:
        answer = browser.post(f"/livestreams/{waits.pk}/slate")

        assert answer.status_code == 422
        assert "Choose a picture first." in answer.content.decode()


class TestImage:
    def test_is_kept_by_the_browser_that_asks_each_time(
        self, browser: Client, waits: Livestream, picture: SlatePicture
    ) -> None:
        address = f"/livestreams/{waits.pk}/slate/image"
        answer = browser.get(address)

        assert answer.content == bytes(SlatePicture.objects.get().image)
        assert answer["Content-Type"] == "image/png"
        assert answer["ETag"] == f'"{picture.sha256}"'
        assert set(answer["Cache-Control"].split(", ")) == {"private", "no-cache"}
        again = browser.get(address, headers={"If-None-Match": answer["ETag"]})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])

    def test_is_the_usual_one_where_nobody_chose(self, browser: Client, waits: Livestream) -> None:
        answer = browser.get(f"/livestreams/{waits.pk}/slate/image")

        assert answer.content == DEFAULT_PICTURE.read_bytes()
        assert browser.get(answer.request["PATH_INFO"], headers={"If-None-Match": answer["ETag"]}).status_code == 304
