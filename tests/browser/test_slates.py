"""The picture for the time that an encoder is away, in a real browser: in the dialog, and without JavaScript."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.operator import Operator
from tests.e2e.client import Integrator
from tests.stack.whole import RunningStack
from tests.streams.images import image_bytes

pytestmark = [pytest.mark.e2e, pytest.mark.browser]
# Of the photo's own size: what a browser has read.
_WIDTH_SHOWN = "image => image.complete && image.naturalWidth"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """As a camera makes one: more than other bodies may have."""
    path = tmp_path / "photo.png"
    path.write_bytes(image_bytes((2560, 1440)) + bytes(3_000_000))
    return path


def test_is_uploaded_replaced_and_removed_in_the_dialog(operator: Operator, photo: Path, tmp_path: Path) -> None:
    operator.create_livestream("With a picture", waits=True)
    page = operator.page
    card = page.get_by_role("region", name="Broadcast")
    dialog = page.get_by_role("dialog")
    expect(card).to_contain_text("The usual slate")

    page.get_by_test_id("slate-picture").click()
    no_image = tmp_path / "notes.png"
    no_image.write_text("hello")
    dialog.get_by_label("Picture").set_input_files(no_image)
    dialog.get_by_test_id("submit").click()
    expect(dialog.get_by_role("alert")).to_contain_text("no image that can be read")
    _is_too_large_to_send(page, tmp_path)
    dialog.get_by_label("Picture").set_input_files(photo)
    dialog.get_by_test_id("submit").click()

    expect(card).to_contain_text("Your own slate")
    thumb = card.locator("img")
    expect(thumb).to_have_js_property("complete", value=True)
    assert thumb.evaluate(_WIDTH_SHOWN) == 1920

    page.get_by_test_id("slate-picture").click()
    expect(dialog).to_contain_text("Your picture, 1920")
    dialog.get_by_test_id("remove-slate").click()
    expect(card).to_contain_text("The usual slate")
    # The one that was refused.
    assert [complaint for complaint in operator.complaints if "422" not in complaint] == []


def test_that_a_program_sets_shows_by_itself(operator: Operator, integrator: Integrator, photo: Path) -> None:
    stream = integrator.create("Programmed picture", window_s=60)
    with operator.page.expect_websocket():
        operator.page.goto(stream.path)
    card = operator.page.get_by_role("region", name="Broadcast")
    expect(card).to_contain_text("The usual slate")

    answer = integrator.http.put(
        f"{stream.path}/slate", content=photo.read_bytes(), headers={"Content-Type": "image/png"}
    )

    assert answer.is_success, answer.text
    expect(card).to_contain_text("Your own slate")
    assert integrator.http.get(f"{stream.path}/slate").headers["Content-Type"] == "image/png"
    assert operator.complaints == []


def test_is_uploaded_and_removed_without_javascript(bare_page: Page, stack: RunningStack, photo: Path) -> None:
    page = bare_page
    Operator(page).log_in(stack.credentials["email"], stack.credentials["password"])
    page.goto("/livestreams/create")
    page.get_by_label("Name").fill("Plain picture")
    page.get_by_test_id("submit").click()

    page.get_by_test_id("slate-picture").click()
    page.get_by_label("Picture").set_input_files(photo)
    page.get_by_test_id("submit").click()
    expect(page.get_by_text("Your own slate")).to_be_visible()

    page.get_by_test_id("slate-picture").click()
    page.get_by_test_id("remove-slate").click()
    expect(page.get_by_text("The usual slate")).to_be_visible()


def _is_too_large_to_send(page: Page, folder: Path) -> None:
    large = folder / "large.png"
    large.write_bytes(image_bytes() + bytes(7_000_000))
    picture = page.get_by_role("dialog").get_by_label("Picture")
    sent: list[str] = []
    # Beside what the player reports of itself.
    page.on("request", lambda request: None if request.url.endswith("/events") else sent.append(request.method))
    picture.set_input_files(large)
    page.get_by_role("dialog").get_by_test_id("submit").click()
    assert picture.evaluate("input => input.validationMessage") == "The file has 7.0 MB. Choose one of at most 5 MB."
    # Nothing has come and nothing is on its way: the form stands there as before.
    expect(page.get_by_role("dialog")).to_contain_text("Viewers see this picture")
    assert "POST" not in sent
