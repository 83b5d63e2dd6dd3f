"""docs/settings.md names every setting with its default, and no other; addresses in all their forms."""

import os
import re
import runpy
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

import livehub.settings
from livehub.core import env
from livehub.core.env import DECLARED, Setting

DOCUMENT = Path(livehub.settings.BASE_DIR) / "docs" / "settings.md"
ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>.*?) \| (?P<unit>.*?) \| (?P<purpose>.*?) \|$", re.MULTILINE)


def row(setting: Setting) -> dict[str, str]:
    return {
        "name": setting.name,
        "default": f"`{setting.default}`" if setting.default else "",
        "unit": setting.unit.replace("<", "\\<"),
        "purpose": setting.purpose,
    }


def test_every_setting_is_documented_as_it_is() -> None:
    documented = {match["name"]: match.groupdict() for match in ROW.finditer(DOCUMENT.read_text())}

    assert documented == {setting.name: row(setting) for setting in DECLARED.values()}


def test_what_we_ask_of_other_servers_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    answering = httpx.MockTransport(lambda _: httpx.Response(200))

    with httpx.Client(transport=answering) as client:
        client.get("http://localhost/control/drop/publisher?name=secret")

    assert "secret" not in caplog.text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, since it takes a while to make keys."""
    return tmp_path_factory.mktemp("settings")


class TestAddresses:
    """Read anew from another environment, as a process reads them once."""

    def read(self, folder: Path, **environment: str) -> dict[str, Any]:
        ours = [name for name in os.environ if name.startswith("LIVEHUB_")]
        with pytest.MonkeyPatch.context() as patch:
            for name in ours:
                patch.delenv(name)
            for name, value in {"LIVEHUB_DATA_DIR": str(folder), **environment}.items():
                patch.setenv(name, value)
            patch.setattr(env, "DECLARED", {})
            return runpy.run_path(livehub.settings.__file__)

    def refusal(self, folder: Path, **environment: str) -> str:
        """Return what the start ends with."""
        with pytest.raises(ImproperlyConfigured) as refused:
            self.read(folder, **environment)
        return str(refused.value)

    @pytest.mark.parametrize(
        ("given", "bind", "host"),
        [
            ("127.0.0.1", "127.0.0.1", "localhost"),
            ("localhost", "127.0.0.1", "localhost"),
            ("0.0.0.0", "0.0.0.0", "localhost"),  # noqa: S104  # Read, not bound.
            ("::", "::", "localhost"),
            ("127.0.0.5", "127.0.0.5", "127.0.0.5"),
            ("::1", "::1", "[::1]"),
            ("[::1]", "::1", "[::1]"),
            ("FD00:0:0::0001", "fd00::1", "[fd00::1]"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ],
    )
    def test_every_address_is_written_as_urls_need_it(self, folder: Path, given: str, bind: str, host: str) -> None:
        found = self.read(folder, LIVEHUB_BIND=given)

        assert found["HTTP_BIND"] == found["RTMP_BIND"] == bind
        assert found["PUBLIC_HOST"] == host.strip("[]")
        assert found["PUBLIC_URL"] == f"http://{host}:8000"
        assert found["RTMP_URL"] == f"rtmp://{host}:1935/live/"
        assert found["RTMPS_URL"] == f"rtmps://{host}:1936/live/"
        assert found["INGEST_PULL_URL"] == "rtmp://127.0.0.2:1935/live/"
        assert host in found["ALLOWED_HOSTS"]

    def test_http_and_rtmp_may_listen_apart(self, folder: Path) -> None:
        found = self.read(folder, LIVEHUB_BIND="192.0.2.7", LIVEHUB_HTTP_BIND="::1", LIVEHUB_RTMP_BIND="2001:db8::7")

        assert (found["HTTP_BIND"], found["RTMP_BIND"]) == ("::1", "2001:db8::7")
        assert (found["PUBLIC_URL"], found["RTMP_URL"]) == ("http://[::1]:8000", "rtmp://[2001:db8::7]:1935/live/")

    def test_encoders_are_shown_the_public_host_wherever_rtmp_listens(self, folder: Path) -> None:
        found = self.read(folder, LIVEHUB_RTMP_BIND="192.0.2.7", LIVEHUB_PUBLIC_URL="https://live.example.org")

        assert (found["HTTP_BIND"], found["RTMP_BIND"]) == ("127.0.0.1", "192.0.2.7")
        assert found["RTMPS_URL"] == "rtmps://live.example.org:1936/live/"

    def test_a_public_url_may_name_an_ipv6_address(self, folder: Path) -> None:
        found = self.read(folder, LIVEHUB_BIND="::", LIVEHUB_PUBLIC_URL="https://[2001:db8::7]")

        assert found["PUBLIC_HOST"] == "2001:db8::7"
        assert found["RTMP_URL"] == "rtmp://[2001:db8::7]:1935/live/"
        assert "[2001:db8::7]" in found["ALLOWED_HOSTS"]

    @pytest.mark.parametrize("setting", ["LIVEHUB_BIND", "LIVEHUB_HTTP_BIND"])
    @pytest.mark.parametrize("bind", ["live.example.org", "192.0.2", "fe80::1%eth0", ""])
    def test_what_is_no_address_is_refused(self, folder: Path, setting: str, bind: str) -> None:
        assert f"{setting} must be an" in self.refusal(folder, **{setting: bind})

    @pytest.mark.parametrize(
        "url",
        [
            "http://2001:db8::7:8000",
            "http://[2001:db8::7",
            "http://live.example.org:x",
            "ftp://live.example.org",
            'http://live"example.org',
            "http://live_1.example.org",
            "http://bücher.example",
        ],
    )
    def test_what_is_no_url_is_refused(self, folder: Path, url: str) -> None:
        assert "LIVEHUB_PUBLIC_URL must look like" in self.refusal(folder, LIVEHUB_PUBLIC_URL=url)

    @pytest.mark.parametrize("host", ["live.example.org:80", "http://live.example.org", 'a"; }', "a b", "[::1]:80"])
    def test_what_is_no_host_is_refused(self, folder: Path, host: str) -> None:
        assert "LIVEHUB_ALLOWED_HOSTS must hold host names without ports" in self.refusal(
            folder, LIVEHUB_ALLOWED_HOSTS=f"live.example.org,{host}"
        )

    def test_proxies_are_networks_or_addresses_of_either_kind(self, folder: Path) -> None:
        found = self.read(folder, LIVEHUB_TRUSTED_PROXIES="127.0.0.1, 192.0.2.0/24,2001:DB8::/32,")

        assert found["TRUSTED_PROXIES"] == ["127.0.0.1/32", "192.0.2.0/24", "2001:db8::/32"]

    @pytest.mark.parametrize("proxies", ["proxy.example.org", "192.0.2.1/24", "192.0.2.1 192.0.2.2", "*"])
    def test_what_is_no_network_is_refused(self, folder: Path, proxies: str) -> None:
        assert "LIVEHUB_TRUSTED_PROXIES must be networks" in self.refusal(folder, LIVEHUB_TRUSTED_PROXIES=proxies)

    def test_other_pages_may_call_the_api_only_where_the_operator_says_so(self, folder: Path) -> None:
        closed = self.read(folder)
        opened = self.read(folder, LIVEHUB_CORS_ORIGINS="https://app.example.org, http://[::1]:3000")

        assert closed["CORS_ALLOWED_ORIGINS"] == []
        assert "corsheaders.middleware.CorsMiddleware" not in closed["MIDDLEWARE"]
        assert opened["CORS_ALLOWED_ORIGINS"] == ["https://app.example.org", "http://[::1]:3000"]
        assert opened["MIDDLEWARE"][2] == "corsheaders.middleware.CorsMiddleware"

    @pytest.mark.parametrize("origins", ["*", "app.example.org", "https://app.example.org/", "null", "https://a b"])
    def test_what_is_no_origin_is_refused(self, folder: Path, origins: str) -> None:
        assert "LIVEHUB_CORS_ORIGINS" in self.refusal(folder, LIVEHUB_CORS_ORIGINS=origins)

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("LIVEHUB_DISK_WARN_PERCENT", "96"),
            ("LIVEHUB_DISK_WARN_MB", "499"),
            ("LIVEHUB_DISK_STOP_PERCENT", "101"),
            ("LIVEHUB_DISK_STOP_MB", "2001"),
        ],
    )
    def test_a_full_disk_is_told_of_before_files_go(self, folder: Path, setting: str, value: str) -> None:
        assert "LIVEHUB_DISK_" in self.refusal(folder, **{setting: value})

    @pytest.mark.parametrize(
        "token", ["short", "nineteen characters", "twenty characters\n or more", "zwanzig Zeichen für uns"]
    )
    def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(self, folder: Path, token: str) -> None:
        assert "LIVEHUB_METRICS_TOKEN" in self.refusal(folder, LIVEHUB_METRICS_TOKEN=token)


def test_pages_play_what_other_machines_have(folder: Path) -> None:
    read = TestAddresses().read
    alone = read(folder)["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    several = read(folder, LIVEHUB_NODE_URLS="north=https://north.example.org/, east=http://10.0.0.5:8000")

    others = ["http://10.0.0.5:8000", "https://north.example.org"]
    told = several["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert "connect-src" not in alone
    assert told["connect-src"] == ["'self'", *others]
    for name in ("media-src", "img-src"):
        assert told[name] == [*alone[name], *others]
