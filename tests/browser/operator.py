"""A person at the dashboard: what they do, and what they complain about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Locator, Page, Response, expect

from tests.services import wait_until

# On a machine that is busy otherwise, people and pages may be asked to come back, and do.
_ONE_MOMENT = 503
_HAS_PLAYED = "document.querySelector('video')?.played.length > 0"


@dataclass
class Operator:
    """Holds a browser window; `complaints` is whatever else the console called an error meanwhile."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def log_in(self, email: str, password: str) -> None:
        self.visit("/log-in")
        self.send("Log in", {"E-mail address": email, "Password": password})

    def visit(self, path: str) -> None:
        """Go to a page, again as long as it is put off."""

        def is_answered() -> bool:
            answer = self.page.goto(path)
            return answer is None or answer.status != _ONE_MOMENT

        wait_until(is_answered, what=f"an answer to {path}")

    def send(self, button: str, fields: Mapping[str, str | Callable[[], str]]) -> None:
        """Fill in this page's form and send it, again as long as it is put off.

        What holds for a moment only is asked for at that moment.
        """
        there = self.page.url

        def is_answered() -> bool:
            for label, value in fields.items():
                self.page.get_by_label(label).fill(value if isinstance(value, str) else value())
            # Whoever goes on before the answer has come takes what was sent back.
            with self.page.expect_navigation() as navigation:
                self.page.get_by_role("button", name=button).click()
            # None where the browser names no answer, as after a log-out.
            answer: Response | None = navigation.value
            if answer is None or answer.status != _ONE_MOMENT:
                return True
            self.visit(there)
            return False

        wait_until(is_answered, what=f"an answer to {button}")

    def press(self, button: Locator) -> None:
        """Press a button that sends something while the page stays, again as long as it is put off."""

        def is_answered() -> bool:
            with self.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
                button.click()
            return answered.value.status != _ONE_MOMENT

        wait_until(is_answered, what="an answer to what was pressed")

    def log_out(self) -> None:
        self.send("Log out", {})

    def create_livestream(self, name: str, *, waits: bool = False) -> None:
        """Create it in the dialog, and arrive at its page; unless its broadcasts wait, they end with their encoder."""
        self.page.goto("/livestreams")
        self.page.get_by_test_id("create-livestream").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        self.press(dialog.get_by_test_id("submit"))
        expect(self.page.get_by_role("heading", name=name)).to_be_visible()
        if waits:
            return
        self.page.get_by_test_id("change-broadcast").click()
        dialog.get_by_label("If the encoder drops").select_option("0")
        with self.page.expect_navigation():
            self.press(dialog.get_by_role("button", name="Save"))

    def stream_key(self) -> str:
        """Read the key from the set-up box after pressing Show."""
        self.page.get_by_test_id("show-key").click()
        code = self.page.get_by_test_id("stream-key")
        expect(code).not_to_contain_text("•")
        return code.inner_text()

    @property
    def status(self) -> Locator:
        """The livestream page's badge."""
        return self.page.get_by_role("main").get_by_role("status").get_by_test_id("status")

    def played_s(self) -> float:
        """Return how far the video has come, 0 when there is none."""
        return float(self.page.evaluate("document.querySelector('video')?.currentTime ?? 0"))

    def watch(self, *, for_s: float) -> None:
        """Wait until the picture has advanced by so much: that a player goes to where it begins is no advance."""
        wait_until(lambda: self.page.evaluate(_HAS_PLAYED), what="the first picture")
        start = self.played_s()
        wait_until(lambda: self.played_s() >= start + for_s, what="the picture advancing")

    def _hear(self, message: ConsoleMessage) -> None:
        is_put_off = f"status of {_ONE_MOMENT}" in message.text
        if message.type in {"error", "warning"} and not is_put_off:
            self.complaints.append(f"{self.page.url}: {message.text}")
