"""Where a livestream is fetched from, on its page."""

import re

import pytest
from django.test import Client

from livehub.core import clock
from streams.livestreams import services
from streams.models import Livestream, PullSource
from streams.organizations.services import SYSTEM
from tests.dashboard.conftest import HTMX, get_html, remembered, squeezed

pytestmark = pytest.mark.django_db

URL = "rtmp://ann:s3cr3t@source.example.com/live/keynote"
MASKED = "rtmp://***@source.example.com/live/keynote"


@pytest.fixture
def pulled(livestream: Livestream) -> Livestream:
    return services.change_livestream(livestream=livestream, actor=SYSTEM, pull={"url": URL})


def test_is_given_in_a_form_and_shown_without_credentials(browser: Client, livestream: Livestream) -> None:
    address = f"/livestreams/{livestream.pk}"
    assert "Nowhere: an encoder sends it" in squeezed(get_html(browser, address))
    shown = get_html(browser, f"{address}/pull", **HTMX)

    answer = browser.post(f"{address}/pull", {**remembered(shown), "url": URL, "enabled": "on"})

    assert answer["Location"] == address
    assert PullSource.objects.get().url.text == URL
    html = squeezed(get_html(browser, address))
    assert MASKED in html
    assert '<span class="pill" data-testid="status">Starting</span>' in html
    assert "s3cr3t" not in html + get_html(browser, f"{address}/pull")


def test_what_is_wrong_with_an_address_stands_by_it(browser: Client, livestream: Livestream) -> None:
    answer = browser.post(f"/livestreams/{livestream.pk}/pull", {"url": "file:///etc/passwd", "enabled": "on"})

    assert answer.status_code == 422
    assert 'id="id_url_error"' in answer.content.decode()
    assert not PullSource.objects.exists()


def test_a_refusal_is_shown_with_its_reason_until_somebody_asks_again(browser: Client, pulled: Livestream) -> None:
    PullSource.objects.update(state="errored", reason="source.example.com stands for an address inside.")
    address = f"/livestreams/{pulled.pk}"
    html = squeezed(get_html(browser, address))
    assert '<span class="pill bad" data-testid="status">Refused</span>' in html
    assert "source.example.com stands for an address inside." in html

    shown = get_html(browser, f"{address}/pull")
    browser.post(f"{address}/pull", {**remembered(shown), "url": MASKED, "enabled": "on"})

    assert PullSource.objects.values_list("state", "reason").get() == ("starting", "")
    assert PullSource.objects.get().url.text == URL


def test_one_that_cannot_be_fetched_is_told_at_the_top(browser: Client, pulled: Livestream) -> None:
    address = f"/livestreams/{pulled.pk}"
    html = get_html(browser, address)
    assert "Ready for an encoder" not in html
    assert "Start an encoder" not in html

    PullSource.objects.update(state="retrying", reason="source.example.com port 1935 refuses connections.", tries=3)

    told = re.findall(r'data-testid="not-fetched".*?</p>', squeezed(get_html(browser, address)))
    assert ["Nothing is fetched: source.example.com port 1935 refuses connections." in line for line in told] == [True]


def test_one_that_has_an_end_is_told(browser: Client, pulled: Livestream) -> None:
    PullSource.objects.update(state="idle", finished_at=clock.now(), reason="The source has come to its end.")

    html = squeezed(get_html(browser, f"/livestreams/{pulled.pk}"))

    assert '<span class="pill" data-testid="status">Ended</span>' in html


def test_an_empty_address_takes_it_away(browser: Client, pulled: Livestream) -> None:
    shown = get_html(browser, f"/livestreams/{pulled.pk}/pull")
    browser.post(f"/livestreams/{pulled.pk}/pull", {**remembered(shown), "url": "", "enabled": "on"})
    assert not PullSource.objects.exists()
