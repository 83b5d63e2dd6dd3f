"""How each vendor's clients want answers written.

Knows no application: what the edge answers in our place looks like any other answer below the same prefix.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from livehub.api.problem import Problem
from livehub.core import clock

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Content:
    """What an answer holds, before a dialect wraps it."""

    data: object
    # Where a page lies in its list; what is no page has none.
    paging: Mapping[str, object] | None = None
    # What a list is called; most are not called anything.
    list_name: str = ""


# Compared and hashed by identity: each vendor has one.
@dataclass(frozen=True, eq=False)
class Wire:
    """One vendor's way to write; `request_id` is what support asks for, and stands in our logs."""

    name: str
    # For people.
    title: str
    # The first part of each of its paths.
    root: str
    # (content, request id) -> body
    answer_body: Callable[[Content, str], object]
    # (problem, request id) -> body
    error_body: Callable[[Problem, str], JsonObject]
    instant: Callable[[datetime], str | int] = clock.isoformat


def _vendor_answer(content: Content, request_id: str) -> JsonObject:
    """Return the body of Dyte and RealtimeKit.

    Cloudflare's SDK looks for the paging of a named list next to it, the published examples have it at the top.
    """
    data = {content.list_name: content.data, "paging": content.paging} if content.list_name else content.data
    body: JsonObject = {"success": True, "data": data}
    return body if content.paging is None else {**body, "paging": content.paging}


def _vendor_error(problem: Problem, request_id: str) -> JsonObject:
    """Return the error body of Dyte and RealtimeKit.

    `errors` is where Cloudflare's SDK looks, `error` where Dyte's clients do: both are always there.
    """
    return {
        "success": False,
        "error": _described(problem),
        "errors": [{"code": problem.http_status, "message": problem.message}],
    }


def _bare_answer(content: Content, request_id: str) -> object:
    return content.data


def _bare_error(problem: Problem, request_id: str) -> JsonObject:
    return {"error": _described(problem)}


def _cloudinary_answer(content: Content, request_id: str) -> JsonObject:
    return {"request_id": request_id, "data": content.data}


def _cloudinary_error(problem: Problem, request_id: str) -> JsonObject:
    return {"request_id": request_id, "error": {"message": problem.message, **_fields(problem)}}


def _described(problem: Problem) -> JsonObject:
    return {"code": problem.http_status, "message": problem.message, "type": problem.type, **_fields(problem)}


def _fields(problem: Problem) -> JsonObject:
    return {"fields": problem.fields} if problem.fields else {}


DYTE = Wire(name="dyte", title="Dyte v2", root="v2", answer_body=_vendor_answer, error_body=_vendor_error)
REALTIMEKIT = Wire(
    name="realtimekit",
    title="Cloudflare RealtimeKit",
    root="client",
    answer_body=_vendor_answer,
    error_body=_vendor_error,
)
LIVEAPI = Wire(name="liveapi", title="LiveAPI", root="liveapi", answer_body=_bare_answer, error_body=_bare_error)
CLOUDINARY = Wire(
    name="cloudinary",
    title="Cloudinary",
    root="cloudinary",
    answer_body=_cloudinary_answer,
    error_body=_cloudinary_error,
    instant=clock.epoch_ms,
)
WIRES = (DYTE, REALTIMEKIT, LIVEAPI, CLOUDINARY)
