"""What a program needs to call an app in each dialect, with a line that does it."""

from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.urls import reverse

from livehub.core.paths import BASE_PATHS
from streams.organizations.models import ApiKey, App
from streams.organizations.services import NewApiKey


class Value(NamedTuple):
    """Something to be copied."""

    label: str
    value: str

    @property
    def slug(self) -> str:
        return self.label.lower().replace(" ", "-")


@dataclass(frozen=True)
class Example:
    """One dialect's values for an app, and a ready line of curl that lists its livestreams."""

    kind: ApiKey.Kind
    values: list[Value]
    curl_line: str
    # Where each operation is described, and can be tried.
    docs_url: str

    @property
    def title(self) -> str:
        return self.kind.label


# What the vendors call that which a key is: one text, or two. Where there is none yet, its name stands in its place.
_WORDS = {
    ApiKey.Kind.BASIC: ("API key",),
    ApiKey.Kind.BEARER: ("API token",),
    ApiKey.Kind.LIVEAPI: ("Key id", "Key secret"),
    ApiKey.Kind.CLOUDINARY: ("API key", "API secret"),
}


def secret_values(key: NewApiKey) -> list[Value]:
    """Return what a program shows of a new key, as its vendor calls it."""
    texts = [key.row.lookup, key.secret] if key.row.is_pair else [key.secret]
    return [Value(*pair) for pair in zip(_WORDS[ApiKey.Kind(key.row.kind)], texts, strict=True)]


def examples_of(app: App) -> list[Example]:
    """Return how each dialect reaches the app."""
    return [example_of(app, kind) for kind in ApiKey.Kind]


def example_of(app: App, kind: ApiKey.Kind, *, key: NewApiKey | None = None) -> Example:
    """Return how a dialect reaches the app: with this key, or with words in the place of one."""
    shown = [value for _, value in secret_values(key)] if key else [_placeholder(word) for word in _WORDS[kind]]
    dialect, example = _DIALECTS[kind]
    values, arguments = example(app, _base_url(dialect), ":".join(shown))
    return Example(kind, values, f"curl {arguments}", reverse(f"docs-{dialect}"))


def _placeholder(word: str) -> str:
    return word.upper().replace(" ", "_")


def _base_url(dialect: str) -> str:
    return f"{settings.PUBLIC_URL}{BASE_PATHS[dialect]}"


def _dyte(app: App, url: str, shown: str) -> tuple[list[Value], str]:
    organization = app.organization_id.hex
    values = [Value("Base URL", url), Value("Organization id", organization)]
    return values, f"-u {organization}:{shown} {url}/livestreams"


def _realtimekit(app: App, url: str, shown: str) -> tuple[list[Value], str]:
    account = app.organization_id.hex
    values = [Value("Base URL", url), Value("Account id", account), Value("App id", app.pk.hex)]
    path = f"/accounts/{account}/realtime/kit/{app.pk.hex}/livestreams"
    return values, f'-H "Authorization: Bearer {shown}" {url}{path}'


def _liveapi(app: App, url: str, shown: str) -> tuple[list[Value], str]:
    return [Value("Base URL", url)], f"-u {shown} {url}/live_streams"


def _cloudinary(app: App, url: str, shown: str) -> tuple[list[Value], str]:
    values = [Value("Base URL", url), Value("Cloud name", app.pk.hex)]
    return values, f"-u {shown} {url}/{app.pk.hex}/live_streams"


_DIALECTS = {
    ApiKey.Kind.BASIC: ("dyte", _dyte),
    ApiKey.Kind.BEARER: ("realtimekit", _realtimekit),
    ApiKey.Kind.LIVEAPI: ("liveapi", _liveapi),
    ApiKey.Kind.CLOUDINARY: ("cloudinary", _cloudinary),
}
