"""Looking through recordings: by what they are, by name, by id."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from livehub.core import clock
from streams.livestreams.services import create_livestream
from streams.models import Livestream, Recording
from streams.organizations.services import SYSTEM, NewOrganization
from tests.dashboard.conftest import HTMX, get_html, squeezed

_STATES = [
    ("recording", False, "recording"),
    ("paused", False, "recording"),
    ("uploading", False, "uploading"),
    ("uploaded", True, "verified"),
    ("uploaded", False, "incomplete"),
    ("errored", False, "errored"),
]


def _recorded(livestream: Livestream, name: str, *, status: str = "uploaded", is_verified: bool = True) -> Recording:
    return Recording.objects.create(
        app=livestream.app,
        livestream=livestream,
        name=livestream.name,
        status=status,
        is_verified=is_verified,
        is_further=True,
        output_file_name=f"{name}.mp4",
        object_name=name,
        node="main",
        started_at=clock.now(),
    )


@pytest.fixture
def of_each(livestream: Livestream) -> list[Recording]:
    """A recording in each state that people can tell from others."""
    return [
        _recorded(livestream, f"file-{number}", status=status, is_verified=is_verified)
        for number, (status, is_verified, _) in enumerate(_STATES)
    ]


def _shown(html: str) -> set[str]:
    return set(re.findall(r'id="recording-([0-9a-f-]{36})" data-testid', squeezed(html)))


def _ids(*recordings: Recording) -> set[str]:
    return {str(recording.pk) for recording in recordings}


def test_are_narrowed_to_a_status_each_with_its_number(browser: Client, of_each: list[Recording]) -> None:
    for address in ("/recordings", f"/livestreams/{of_each[0].livestream_id}/recordings"):
        html = get_html(browser, address)
        assert _shown(html) == _ids(*of_each)
        tabs = re.findall(r'<a href="([^"]*)"[^>]*>([A-Z][a-z]+)<span class="num">(\d+)</span>', squeezed(html))
        assert [(label, int(count)) for _, label, count in tabs] == [
            ("All", 6), ("Recording", 2), ("Storing", 1), ("Verified", 1), ("Incomplete", 1), ("Failed", 1),
        ]  # fmt: skip
        for query, label, _ in tabs[1:]:
            kept = [each for each, (_, _, kind) in zip(of_each, _STATES, strict=True) if f"status={kind}" in query]
            narrowed = get_html(browser, query)
            assert (label, _shown(narrowed)) == (label, _ids(*kept))


def test_are_found_by_name_file_or_id(browser: Client, livestream: Livestream, home: NewOrganization) -> None:
    other = create_livestream(app=home.app, name="Winter show", actor=SYSTEM)
    first, second = _recorded(livestream, "keynote_1"), _recorded(other, "show_2")

    for search, found in {
        "wINTER": second,
        "keynote_1": first,
        str(second.pk): second,
        other.pk.hex: second,
        " Autumn ": first,
    }.items():
        answer = browser.get("/recordings", {"q": search}, headers=HTMX).content.decode()
        assert (search, _shown(answer)) == (search, _ids(found))
        # The list alone, for a page that is open.
        assert "<h1" not in answer
    # As it was called when it was recorded, too.
    Livestream.objects.filter(pk=other.pk).update(name="Another name")
    assert _shown(get_html(browser, "/recordings?q=show")) == _ids(second)


def test_keep_the_search_from_tab_to_tab_and_page_to_page(browser: Client, livestream: Livestream) -> None:
    for number in range(27):
        _recorded(livestream, f"file-{number}")

    html = squeezed(get_html(browser, "/recordings?q=file&status=verified&page=2"))

    assert "26\u201327 of 27" in html
    assert 'href="?q=file&amp;status=verified&amp;page=1"' in html
    assert 'href="/recordings?q=file"' in html
    assert '<input type="hidden" name="status" value="verified"' in html


@pytest.mark.parametrize("query", ["q=nothing+called+so", "status=errored"])
def test_say_that_nothing_matches_and_lead_back(browser: Client, livestream: Livestream, query: str) -> None:
    _recorded(livestream, "file")

    html = get_html(browser, f"/recordings?{query}")

    assert "No recording matches" in html
    assert "Show all recordings" in html


@pytest.mark.parametrize("query", ["q=%00", "status=nonsense", "page=0", "q=" + "x" * 300])
def test_are_never_an_error(browser: Client, livestream: Livestream, query: str) -> None:
    _recorded(livestream, "file")

    assert browser.get(f"/recordings?{query}").status_code == 200


def test_cost_the_same_however_many_match(
    browser: Client, of_each: list[Recording], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(8):
        browser.get("/recordings?q=file")


def test_refresh_themselves_as_they_are_narrowed(browser: Client, of_each: list[Recording]) -> None:
    html = squeezed(get_html(browser, "/recordings?q=file&status=verified"))

    assert 'hx-get="/recordings?q=file&amp;status=verified"' in html
