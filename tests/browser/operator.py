"""A person at the dashboard: what they do, and what they complain about."""

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
        wait_until(lambda: self._tries_to_log_in(email, password), what="an answer to the log-in")

    def _tries_to_log_in(self, email: str, password: str) -> bool:
        """Return whether there is an answer: on a machine that is busy otherwise, people may be asked to come back."""
        self.page.goto("/log-in")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        # Whoever goes on before the answer has come takes the log-in back.
        with self.page.expect_navigation() as navigation:
            self.page.get_by_role("button", name="Log in").click()
        if navigation.value.status == _ONE_MOMENT:
            self.complaints.clear()
        return navigation.value.status != _ONE_MOMENT

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
