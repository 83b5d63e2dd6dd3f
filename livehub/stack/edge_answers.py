"""What the edge answers by itself: people a page, programs an error like any other of their dialect's."""

import json
from dataclasses import dataclass

from livehub.api.problem import Problem
from livehub.api.wire import DYTE, WIRES, Wire
from livehub.core import outage

_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title>"
    "<style>:root{{color-scheme:light dark}}"
    "body{{font:16px/1.5 system-ui;max-width:32rem;margin:20vh auto;padding:0 1rem}}</style>"
    "<h1>{title}</h1><p>{message}</p>{more}</html>"
)
# The same script leads back from the page that Django shows while its database is away.
_COMES_BACK = (
    '<p><a href="" data-retry>Try again</a></p><script type="module" src="/static/livehub/js/retry.js"></script>'
)


@dataclass(frozen=True)
class _Answer:
    """One of them, in all shapes."""

    name: str
    title: str
    problem: Problem
    # On the page only.
    more: str = ""


_DOWN = _Answer(
    "down",
    "One moment",
    Problem(
        503,
        "unavailable",
        "LiveHub is starting or restarting. Try again in a few seconds; running broadcasts go on.",
        is_retryable=True,
        retry_after_s=outage.RETRY_AFTER_S,
    ),
    more=_COMES_BACK,
)
_TOO_MANY = _Answer(
    "too_many",
    "Too many",
    Problem(
        429,
        "rate_limited",
        "Too many requests from your address at once. Try again in a second.",
        is_retryable=True,
        retry_after_s=1,
    ),
    more=_COMES_BACK,
)
_MISDIRECTED = _Answer(
    "misdirected",
    "Another address",
    Problem(421, "unknown_host", "Nothing is known here by this host name."),
)


def readers() -> str:
    """Return what nginx's map of addresses says: whose errors look how. Who asks after our health is a program."""
    roots = "\n".join(f"        ~^/{wire.root}(/|$) {wire.name};" for wire in WIRES)
    return f"        default page;\n        /readyz {DYTE.name};\n{roots}"


def answers(*, body_max_mb: int, image_max_mb: int, readiness_per_s: int) -> str:
    """Return the named locations: for each reader `@too_large_...` and the others', and `@too_many_checks`."""
    too_large = Problem(413, "payload_too_large", f"The request body is larger than {body_max_mb} MB.")
    image = Problem(413, "payload_too_large", f"The image is larger than {image_max_mb} MB. Choose a smaller one.")
    too_many = f"This is answered {readiness_per_s} times a second. Try again in a second."
    too_many_checks = Problem(429, "rate_limited", too_many, is_retryable=True, retry_after_s=1)
    return "\n".join(
        (
            _for_each_reader(_Answer("too_large", "Too large", too_large)),
            _for_each_reader(_Answer("image_too_large", "Too large", image)),
            *map(_for_each_reader, (_TOO_MANY, _DOWN, _MISDIRECTED)),
            _location("too_many_checks", too_many_checks, "application/json", _body(too_many_checks, DYTE)),
        )
    )


def _for_each_reader(answer: _Answer) -> str:
    page = _PAGE.format(title=answer.title, message=answer.problem.message, more=answer.more)
    return "\n".join(
        (
            _location(f"{answer.name}_page", answer.problem, "text/html", page),
            *(
                _location(f"{answer.name}_{wire.name}", answer.problem, "application/json", _body(answer.problem, wire))
                for wire in WIRES
            ),
        )
    )


def _location(name: str, problem: Problem, content_type: str, body: str) -> str:
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": "$request_id",
        **problem.headers,
    }
    lines = "\n".join(f'            add_header {key} "{value}" always;' for key, value in headers.items())
    return f"""\
        location @{name} {{
            default_type {content_type};
{lines}
            return {problem.http_status} '{body}';
        }}"""


def _body(problem: Problem, wire: Wire) -> str:
    """Return the dialect's error, as its clients know it from every other."""
    return json.dumps(wire.error_body(problem, "$request_id"), separators=(",", ":"))
