"""How people get in, in a real browser: invited, with a second factor, and after they have forgotten the password."""

import re
import time
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.checks import check
from tests.browser.operator import Operator
from tests.browser.windows import DESK, PHONE, window
from tests.post_office import PostOffice, text_of
from tests.reruns import unused_email
from tests.services import wait_until
from tests.stack.whole import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

_PASSWORD = "a short sentence to keep"
_NEW_PASSWORD = "another short sentence"
_STEP_S = 30


@pytest.fixture
def somebody(browser: Browser, stack: RunningStack) -> Iterator[Operator]:
    """A person at a browser of their own."""
    with window(browser, stack.base_url) as page:
        yield Operator(page)


def _link_mailed_to(email: str, office: PostOffice) -> str:
    def found() -> list[str]:
        texts = [text_of(mail) for mail in office.letters() if mail["To"] == email]
        return re.findall(r"http://\S+", texts[-1]) if texts else []

    wait_until(found, what="the mail")
    return found()[0]


def _invite(owner: Operator, email: str, *, role: str) -> str:
    """Invite somebody in the dialog, and return the link that is shown."""
    page = owner.page
    page.goto("/account")
    page.get_by_test_id("invite").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail address").fill(email)
    dialog.get_by_label(re.compile(f"^{role}")).check()
    check(page, owner)
    owner.press(dialog.get_by_test_id("submit"))
    expect(page.get_by_role("heading", name=f"Invitation for {email}")).to_be_visible()
    check(page, owner)
    page.set_viewport_size(PHONE)
    # No narrow column beside a button: a link is read whole, to see whose it is.
    assert page.locator("#invitation-link").evaluate("link => link.offsetWidth / link.parentElement.clientWidth") > 0.95
    page.set_viewport_size(DESK)
    return page.locator("#invitation-link").inner_text()


def _join(person: Operator, link: str) -> None:
    page = person.page
    page.goto(link)
    check(page, person)
    person.send("Join", {"Your name": "Nora New", "Choose a password": _PASSWORD})
    expect(page.get_by_text("Welcome to Demo.")).to_be_visible()


def _set_up_second_factor(page: Page, person: Operator) -> tuple[pyotp.TOTP, list[str]]:
    """Turn it on as a person does, and return the app and the recovery codes."""
    page.goto("/account/you")
    page.get_by_test_id("set-up").click()
    person.send("Continue", {"Your password": _PASSWORD})
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    check(page, person)
    app = pyotp.TOTP(page.locator("#app-key").inner_text().replace(" ", ""))
    person.send("Turn on", {"Code from your app": app.now})
    codes = page.get_by_test_id("recovery-codes").inner_text().split()
    check(page, person)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 left")).to_be_visible()
    check(page, person)
    return app, codes


def _next_code(app: pyotp.TOTP) -> str:
    """Return the code of the following step: that of this one has been taken, and phones may be early."""
    return app.at(time.time() + _STEP_S)


class TestInvitation:
    def test_to_first_log_in_with_second_factor(
        self, operator: Operator, somebody: Operator, post_office: PostOffice
    ) -> None:
        email = unused_email("nora")
        link = _invite(operator, email, role="Operator")
        assert _link_mailed_to(email, post_office) == link
        page = somebody.page
        _join(somebody, link)
        app, codes = _set_up_second_factor(page, somebody)
        somebody.log_out()

        somebody.log_in(email, _PASSWORD)
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        check(page, somebody)
        somebody.send("Log in", {"Code from your app": lambda: _next_code(app)})

        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        somebody.log_out()
        somebody.log_in(email, _PASSWORD)
        page.get_by_role("link", name="Use a recovery code").click()
        somebody.send("Log in", {"Recovery code": codes[0]})
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.goto("/account/you")
        expect(page.get_by_text("9 left")).to_be_visible()
        assert somebody.complaints == []
        self._removed(operator, somebody, email)

    def _removed(self, owner: Operator, person: Operator, email: str) -> None:
        """What the owner takes away is gone with the next click."""
        page = owner.page
        page.goto("/account")
        page.get_by_role("link", name=f"Manage {email}").click()
        check(page, owner)
        page.get_by_test_id("remove").click()
        owner.press(page.get_by_role("dialog").get_by_test_id("submit"))
        expect(page.get_by_text(f"{email} is no longer a member.")).to_be_visible()

        person.page.goto("/")
        expect(person.page.get_by_role("heading", name="You are in no organization")).to_be_visible()


class TestForgottenPassword:
    def test_is_replaced_by_a_link_from_the_mail(
        self, stack: RunningStack, somebody: Operator, post_office: PostOffice
    ) -> None:
        email = unused_email("nora")
        stack.manage(
            "create_organization", "--skip-checks", "--name=Forgetful", f"--email={email}", f"--password={_PASSWORD}"
        )
        page = somebody.page
        page.goto("/log-in")
        page.get_by_role("link", name="Forgotten your password?").click()
        somebody.send("Mail me a link", {"E-mail address": email})
        expect(page.get_by_text("is on its way")).to_be_visible()
        check(page, somebody)

        page.goto(_link_mailed_to(email, post_office))
        check(page, somebody)
        somebody.send("Set password", {"New password": _NEW_PASSWORD})
        expect(page.get_by_text("Your new password is set.")).to_be_visible()
        somebody.log_in(email, _NEW_PASSWORD)

        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        assert somebody.complaints == []


class TestPasswordField:
    def test_can_be_looked_at_while_it_is_typed(self, somebody: Operator) -> None:
        page = somebody.page
        page.goto("/log-in")
        field = page.get_by_label("Password")
        field.fill(_PASSWORD)

        page.get_by_role("button", name="Show password").click()

        expect(field).to_have_attribute("type", "text")
        expect(field).to_be_focused()
        check(page, somebody)
        # What the browser is sent away with is a password again, or it would offer it among other words.
        page.evaluate("document.querySelector('form').addEventListener('submit', (event) => event.preventDefault())")
        page.keyboard.press("Enter")
        expect(field).to_have_attribute("type", "password")


class TestWithoutJavaScript:
    def test_people_are_invited_and_log_ins_ended(self, bare_page: Page, stack: RunningStack) -> None:
        page = bare_page
        Operator(page).log_in(stack.credentials["email"], stack.credentials["password"])
        page.goto("/account")
        page.get_by_test_id("invite").click()
        page.get_by_label("E-mail address").fill(unused_email("nora"))
        page.get_by_test_id("submit").click()
        expect(page.locator("#invitation-link")).to_contain_text("/invitation?token=")
        page.get_by_test_id("withdraw").click()
        expect(page.get_by_text("no longer works")).to_be_visible()
        page.goto("/account/you")
        page.get_by_test_id("end-others").click()
        expect(page.get_by_test_id("log-in")).to_have_count(1)
