"""The pages of a running product, without a browser."""

import re

import httpx

from tests.services import HANG_S
from tests.stack.whole import RunningStack


def logged_in(stack: RunningStack) -> httpx.Client:
    """Return a client that is logged in as the owner of the demo organization."""
    client = httpx.Client(base_url=stack.base_url, follow_redirects=True, timeout=HANG_S)
    form = {"username": stack.credentials["email"], "password": stack.credentials["password"]}
    submit(client, form, page="/log-in", to="/log-in")
    return client


def submit(client: httpx.Client, form: dict[str, str], *, page: str, to: str) -> httpx.Response:
    """Send a form of a page; return the page where one comes to."""
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(page).text)
    assert token is not None
    return client.post(to, data={**form, "csrfmiddlewaretoken": token[1]}).raise_for_status()
