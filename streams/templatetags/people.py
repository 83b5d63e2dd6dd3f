"""Words about people and what they use."""

from collections.abc import Collection

from django import template

from streams.organizations.models import ApiKey

register = template.Library()

# The first that is found counts: browsers name those that they descend from after themselves.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@register.filter
def scope_words(scopes: Collection[str]) -> str:
    """Return what a key opens as a table has room for it: everything; read, meetings."""
    return "everything" if set(scopes) == set(ApiKey.Scope) else ", ".join(scopes)


@register.filter
def browser_words(announced: str) -> str:
    """Return what a browser announces as people say it: Firefox on Linux."""
    browser, system = _first(_BROWSERS, announced), _first(_SYSTEMS, announced)
    return f"{browser or 'A browser'} on {system}" if system else browser or "Unknown browser"


def _first(table: tuple[tuple[str, str], ...], announced: str) -> str:
    return next((name for mark, name in table if mark in announced), "")
