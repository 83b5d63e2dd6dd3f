"""The OpenAPI description: each operation says what it answers; this adds what all operations have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, TypeVar, cast

from django.urls import URLPattern, URLResolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from livehub.api.paging import PagingSerializer
from livehub.api.views import PublicView

_Method = TypeVar("_Method", bound=Callable[..., Response])
# Of anything: a description does not care what is serialized.
_Serializer = type[serializers.Serializer[Any]]

_ERROR = inline_serializer(
    "Error",
    {
        "success": serializers.BooleanField(help_text="Always false."),
        "error": inline_serializer(
            "ErrorDetail",
            {
                "code": serializers.IntegerField(help_text="The HTTP status."),
                "message": serializers.CharField(help_text="For people: what happened, and what to do."),
                "type": serializers.CharField(help_text="For programs: stable, in snake_case."),
                "fields": serializers.DictField(
                    child=serializers.ListField(child=serializers.CharField()),
                    required=False,
                    help_text="Every complaint about the input at once, by member or parameter.",
                ),
            },
        ),
        "errors": inline_serializer(
            "ErrorSummary", {"code": serializers.IntegerField(), "message": serializers.CharField()}, many=True
        ),
    },
)
_ALWAYS = {401: "No API key, or one that is not valid here.", 403: "The API key lacks the scope."}
_BAD_QUERY = {400: "A parameter of the query string is not acceptable."}
_BAD_BODY = {
    400: "The body is not valid JSON.",
    413: "The body is larger than 1 MB.",
    415: "The body is not sent as JSON.",
    422: "A member of the body is not acceptable.",
}
_UNKNOWN = {404: "Unknown, deleted, or another tenant's."}


@dataclass(frozen=True)
class Answer:
    """What an operation answers when all goes well."""

    data: _Serializer
    # Not part of what is compared: a body is the same whatever its status.
    status: int = field(default=200, compare=False)
    is_list: bool = False
    has_paging: bool = False


def operation(
    name: str,
    summary: str,
    *,
    answer: Answer,
    body: _Serializer | None = None,
    query: _Serializer | None = None,
    writes: bool = False,
    may_be_unknown: bool = True,
) -> Callable[[_Method], _Method]:
    """Describe a view's method: what it takes, what it answers, and how it can fail.

    `name` is what generated clients call it, so it stays as it is.
    """
    failures = {
        **_ALWAYS,
        **(_BAD_QUERY if query else {}),
        **(_BAD_BODY if writes else {}),
        **(_UNKNOWN if may_be_unknown else {}),
    }
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=summary,
        tags=["Livestreams"],
        parameters=[query] if query else [],
        request={"application/json": body} if body else None,
        responses={
            answer.status: _enveloped(answer),
            **{status: OpenApiResponse(_ERROR, description=reason) for status, reason in failures.items()},
        },
    )


@cache
def _enveloped(answer: Answer) -> serializers.Serializer[Any]:
    """Return the whole body; the same one each time, or the document would hold it twice under one name."""
    fields: dict[str, serializers.Field[Any, Any, Any, Any]] = {
        "success": serializers.BooleanField(help_text="Always true."),
        "data": answer.data(many=answer.is_list),
    }
    if answer.is_list or answer.has_paging:
        fields["paging"] = PagingSerializer()
    noun = answer.data.__name__.removesuffix("Serializer")
    return inline_serializer(f"{noun}{'List' if answer.is_list else ''}Answer", fields)


class OpenApiDocument:
    """The description of some routes, made when it is first asked for; it cannot change while the program runs."""

    def __init__(self, patterns: list[URLPattern | URLResolver]) -> None:
        self._patterns = patterns

    @cached_property
    def content(self) -> dict[str, object]:
        generator = SchemaGenerator(patterns=self._patterns)  # type: ignore[no-untyped-call]  # drf-spectacular's.
        content: dict[str, object] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]  # As above.
        return content


class SchemaView(PublicView):
    """GET /v2/schema: the OpenAPI document, open to everybody."""

    # Given by the route: as_view(document=...).
    document: OpenApiDocument = cast(OpenApiDocument, None)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(self.document.content)
