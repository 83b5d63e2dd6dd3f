"""What each operation says of itself, next to its code; `livehub.api.schema` makes a description of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from django.http.response import HttpResponseBase
from rest_framework import serializers

_Method = TypeVar("_Method", bound=Callable[..., HttpResponseBase])
# Of anything: a description does not care what is serialized.
AnySerializer = type[serializers.BaseSerializer[Any]]


class Paging(Enum):
    """How what an operation answers goes on."""

    NONE = "it is all"
    NUMBERED = "by the number of the page"
    CURSOR = "after the last one of the page"


@dataclass(frozen=True)
class Answer:
    """What an operation answers when all goes well."""

    # Or how to find it among the shapes that the view's route has given it.
    data: AnySerializer | Callable[[Any], AnySerializer]
    status: int = 200
    # What it answers instead where there is already what was asked for.
    status_again: int | None = None
    is_list: bool = False
    # Left out, a list that is the whole answer has numbers; and what has a list within has none.
    paging: Paging | None = None
    # An image as it is: nobody asks for `data`.
    is_image: bool = False
    # Lines of text, whose columns are those of `data`.
    is_csv: bool = False
    # What the list is called where it has a name, or how to find that among the shapes.
    list_name: str | Callable[[Any], str] = ""

    @property
    def pages(self) -> Paging:
        return self.paging or (Paging.NUMBERED if self.is_list else Paging.NONE)


@dataclass(frozen=True)
class Operation:
    """A view's method: what it takes, what it answers, and how it can fail beside what all of them can."""

    name: str
    summary: str
    answer: Answer
    body: AnySerializer | Callable[[Any], AnySerializer] | None = None
    query: AnySerializer | Callable[[Any], AnySerializer] | None = None
    # Status -> reason.
    failures: Mapping[int, str] = field(default_factory=dict)
    takes_image: bool = False


def operation(
    name: str,
    summary: str,
    *,
    answer: Answer,
    body: AnySerializer | Callable[[Any], AnySerializer] | None = None,
    query: AnySerializer | Callable[[Any], AnySerializer] | None = None,
    failures: Mapping[int, str] | None = None,
    takes_image: bool = False,
) -> Callable[[_Method], _Method]:
    """Describe a view's method; `name` is what generated clients call it, so it stays as it is."""
    described = Operation(name, summary, answer, body, query, failures or {}, takes_image)

    def describe(method: _Method) -> _Method:
        method.operation = described  # type: ignore[attr-defined]  # Read by `operation_of`.
        return method

    return describe


def find_operation(method: object) -> Operation | None:
    """Return what a view's method says of itself, or None when it is not described."""
    return getattr(method, "operation", None)
