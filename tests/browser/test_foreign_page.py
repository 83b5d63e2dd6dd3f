"""A page of somebody else's, in a browser that has been told an API key."""

from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from tests.browser.windows import window
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

_FORM = '<form method="post" action="{url}" enctype="{encoding}"><input name="name" value="Theirs"></form>'
_SCRIPT = "url => fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include'}).catch(() => null)"
_ENCODINGS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


def test_changes_nothing_although_the_browser_adds_the_key(browser: Browser, stack: RunningStack) -> None:
    known = stack.credentials
    as_program = {"username": known["organization_id"], "password": known["api_key"]}
    url = f"{known['dyte_base_url']}/livestreams"
    with window(browser, stack.base_url, http_credentials=as_program) as page:

        def livestreams() -> list[tuple[str, str]]:
            answer = page.goto(url)
            assert answer is not None
            assert answer.status == 200
            # Not how others fare meanwhile.
            return [(each["id"], each["name"]) for each in answer.json()["data"]]

        before = livestreams()
        for encoding in _ENCODINGS:
            page.goto(f"data:text/html,{quote(_FORM.format(url=url, encoding=encoding))}")
            with page.expect_navigation() as navigation:
                page.evaluate("document.forms[0].submit()")
            # Not 401: the key was there.
            assert navigation.value.status == 415
        page.goto("data:text/html,<p>A script, too.")
        # Whether it is sent at all is the browser's affair.
        page.evaluate(_SCRIPT, url)

        assert livestreams() == before
