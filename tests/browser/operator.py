"""A person at the dashboard: what they do, and what they complain about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.services import wait_until

_ONE_MOMENT = 503


@dataclass
class Operator:
    """Holds a browser window; `complaints` is whatever the console called an error meanwhile."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))

    def log_in(self, email: str, password: str) -> None:
        self.page.goto("/log-in")
        self.send("Log in", {"E-mail address": email, "Password": password})

    def send(self, button: str, fields: Mapping[str, str | Callable[[], str]]) -> None:
        """Fill in this page's form and send it; what holds for a moment only is asked for at that moment.

        On a machine that is busy otherwise, people may be asked to come back: then it is sent again.
        """
        there = self.page.url

        def is_answered() -> bool:
            for label, value in fields.items():
                self.page.get_by_label(label).fill(value if isinstance(value, str) else value())
            # Whoever goes on before the answer has come takes what was sent back.
            with self.page.expect_navigation() as navigation:
                self.page.get_by_role("button", name=button).click()
            if navigation.value.status != _ONE_MOMENT:
                return True
            self.page.goto(there)
            self.complaints.clear()
            return False

        wait_until(is_answered, what=f"an answer to {button}")

    def log_out(self) -> None:
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Log out").click()

    def create_livestream(self, name: str, *, waits: bool = False) -> None:
        """Create it in the dialog, and arrive at its page; unless its broadcasts wait, they end with their encoder."""
        self.page.goto("/livestreams")
        self.page.get_by_test_id("create-livestream").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_test_id("submit").click()
        expect(self.page.get_by_role("heading", name=name)).to_be_visible()
        if waits:
            return
        self.page.get_by_test_id("change-broadcast").click()
        dialog.get_by_label("If the encoder drops").select_option("0")
        with self.page.expect_navigation():
            dialog.get_by_role("button", name="Save").click()

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
        """Wait until the picture has advanced by so much."""
        start = self.played_s()
        wait_until(lambda: self.played_s() >= start + for_s, what="the picture advancing")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text}")
