"""The OpenAPI description: what operations say of themselves, and what all operations of a dialect have in common."""

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, cast

from django.conf import settings
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.serializers import ListSerializer

from livehub.api import idempotency
from livehub.api.dialect import Dialect
from livehub.api.envelopes import Described, Enclosed
from livehub.api.examples import example_of
from livehub.api.operations import AnySerializer, Operation, Paging, find_operation
from livehub.api.paging import CursorPagingSerializer, PagingSerializer
from livehub.api.problem import Problem
from livehub.api.views import READING, WITH_BODY, ApiView, PublicView
from livehub.api.wire import Content

# That may be sent; the first two are answered.
_IMAGES = ("image/png", "image/jpeg", "image/webp")
_IMAGE = OpenApiResponse(OpenApiTypes.BINARY, description="The image.")
_CSV = OpenApiResponse(OpenApiTypes.STR, description="The lines.")
_NO_IMAGE = {
    400: ("bad_request", "The request cannot be read."),
    413: ("payload_too_large", "The image is too large."),
    415: ("unsupported_media_type", "The body is not sent as an image."),
    422: ("image_unusable", "What was sent is no image that can be used; the error says why."),
}
_REQUEST_ID = "c0f0e0d0b0a090807060504030201000"
_PAGING = {Paging.NONE: None, Paging.NUMBERED: PagingSerializer, Paging.CURSOR: CursorPagingSerializer}
_ALWAYS = {
    401: ("authentication_failed", "No API key, or one that is not valid here."),
    403: ("scope_missing", "The API key lacks the scope."),
    429: ("rate_limited", "Too many requests; Retry-After says when to go on."),
    503: ("unavailable", "The database is away for a moment; Retry-After says when to try again."),
}
_UNKNOWN = {404: ("not_found", "Unknown, deleted, or another tenant's.")}
_BAD_QUERY = {400: ("invalid_query", "A parameter of the query string is not acceptable.")}
_FOREIGN = {415: ("unsupported_media_type", "The body is not sent as JSON.")}
_BAD_BODY = {
    400: ("malformed_json", "The body is not valid JSON."),
    413: ("payload_too_large", "The body is larger than 1 MB."),
    422: ("validation_failed", "A member of the body is not acceptable."),
}
_SENT_AGAIN = {
    409: ("idempotency_key_in_use", "A request with this Idempotency-Key is still being answered; send it again."),
    422: ("validation_failed", "A member of the body is not acceptable, or the Idempotency-Key had another request."),
}
_IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER,
    location=OpenApiParameter.HEADER,
    type={"type": "string", "minLength": 1, "maxLength": idempotency.LENGTH_MAX, "pattern": "^[ -~]+$"},
    description="Of your making, such as a UUID: within 24 hours the same request is done once and answered alike.",
)
_ABOUT = """\
Every answer has `X-Request-Id`, by which its line is found in the log, and those to a valid key say with \
`RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds) how much it may still send. \
A list that goes on names its next page with `Link`. \
A POST with an `Idempotency-Key` may be sent again safely."""


class DialectSchema(AutoSchema):
    """Describes a view's method in the shapes of the dialect that its route has given it."""

    @property
    def _api(self) -> ApiView:
        return cast(ApiView, self.view)

    @property
    def _operation(self) -> Operation | None:
        return find_operation(getattr(self.view, self.method.lower(), None))

    @property
    def _described(self) -> Operation:
        return cast(Operation, self._operation)

    def is_excluded(self) -> bool:
        return self._operation is None

    def get_operation_id(self) -> str:
        return self._described.name

    def get_summary(self) -> str:
        return self._described.summary

    def get_description(self) -> str:  # type: ignore[override]  # As drf-spectacular has it.
        return f"{self._described.summary}. The API key needs the scope `{self._api.needed_scope(self.method)}`."

    def get_tags(self) -> list[str]:
        return [self._api.tag]

    def _is_list_view(self, serializer: object = None) -> bool:
        # It would put our examples, which are whole bodies, into a list.
        return False

    def _get_response_for_code(self, serializer: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_for_code(serializer, *args, **kwargs)  # type: ignore[no-untyped-call]  # drf-spectacular's.
        if isinstance(serializer.response, ListSerializer):
            # A list that nothing encloses: because of the answer above it is taken for one of its items.
            for content in found["content"].values():
                content["schema"] = {"type": "array", "items": content["schema"]}
        return found

    def get_auth(self) -> list[dict[str, list[str]]]:
        security = self._api.dialect.security
        definition = {"type": "http", "scheme": security.scheme, "description": security.description}
        component = ResolvedComponent(  # type: ignore[no-untyped-call]  # drf-spectacular's.
            name=security.name, type=ResolvedComponent.SECURITY_SCHEMA, object=security, schema=definition
        )
        self.registry.register_on_missing(component)
        return [{security.name: []}]

    def get_override_parameters(self) -> list[Any]:
        query = self._find(self._described.query)
        return [*([query] if query else []), *([_IDEMPOTENCY_KEY] if self.method == "POST" else [])]

    def get_request_serializer(self) -> Any:
        if self._described.takes_image:
            return dict.fromkeys(_IMAGES, OpenApiTypes.BINARY)
        body = self._find(self._described.body)
        return {"application/json": body} if body else None

    def get_examples(self) -> list[OpenApiExample]:
        body = self._find(self._described.body)
        return [OpenApiExample("Request", example_of(body, asked=True), request_only=True)] if body else []

    def get_response_serializers(self) -> Any:
        if self._described.answer.is_image:
            good: dict[Any, Any] = dict.fromkeys(((200, kind) for kind in _IMAGES[:2]), _IMAGE)
        elif self._described.answer.is_csv:
            good = {(200, "text/csv"): _CSV}
        else:
            good = dict.fromkeys(self._good_statuses, self._good())
        return {**good, **{status: self._bad(status) for status in sorted(self._failures())}}

    @property
    def _good_statuses(self) -> list[int]:
        answer = self._described.answer
        statuses = [answer.status] if answer.status_again is None else [answer.status, answer.status_again]
        return [self._api.dialect.status(status) for status in statuses]

    def _good(self) -> OpenApiResponse:
        answer = self._described.answer
        data = cast(AnySerializer, self._find(answer.data))
        name = answer.list_name if isinstance(answer.list_name, str) else answer.list_name(self._api.shapes)
        enclosed = Enclosed(data, answer.is_list, _PAGING[answer.pages], name)
        example = example_of(data)
        paging = cast(dict[str, object], example_of(enclosed.paging)) if enclosed.paging else None
        content = Content([example] if answer.is_list else example, paging, name)
        value = self._api.dialect.wire.answer_body(content, _REQUEST_ID)
        return OpenApiResponse(
            _enveloped(self._api.dialect, enclosed),
            description="Done." if self.method not in READING else "Found.",
            examples=[_verbatim("Answer", value)],
        )

    def _bad(self, status: int) -> OpenApiResponse:
        kind, reason = self._failures()[status]
        problem = Problem(status, kind, reason)
        value = self._api.dialect.wire.error_body(problem, _REQUEST_ID)
        return OpenApiResponse(self._api.dialect.envelope.error, reason, examples=[_verbatim(kind, value)])

    def _failures(self) -> Mapping[int, tuple[str, str]]:
        of_its_own = {status: ("refused", reason) for status, reason in self._described.failures.items()}
        return {
            **_ALWAYS,
            **(_UNKNOWN if "{" in self.path else {}),
            **(_BAD_QUERY if self._described.query else {}),
            **(_FOREIGN if self.method not in READING else {}),
            **(_BAD_BODY if self.method in WITH_BODY and not self._described.takes_image else {}),
            **(_NO_IMAGE if self._described.takes_image else {}),
            **(_SENT_AGAIN if self.method == "POST" else {}),
            **of_its_own,
        }

    def _find(self, wanted: AnySerializer | Callable[[Any], AnySerializer] | None) -> AnySerializer | None:
        return wanted if wanted is None or isinstance(wanted, type) else wanted(self._api.shapes)


def _verbatim(name: str, value: object) -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True)


@cache
def _enveloped(dialect: Dialect, enclosed: Enclosed) -> Described:
    """Return the whole body; the same one each time, or the document would hold it twice under one name."""
    return dialect.envelope.answer(enclosed)


class OpenApiDocument:
    """The description of some routes, made when it is first asked for; it cannot change while the program runs."""

    def __init__(self, dialect: Dialect, patterns: list[URLPattern | URLResolver]) -> None:
        self._dialect = dialect
        self._patterns = patterns

    @cached_property
    def body(self) -> bytes:
        return JSONRenderer().render(self._content())

    def _content(self) -> dict[str, object]:
        generator = SchemaGenerator(patterns=self._patterns)  # type: ignore[no-untyped-call]  # drf-spectacular's.
        content: dict[str, object] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]  # As above.
        about = {"title": f"LiveHub: {self._dialect.wire.title}", "description": _ABOUT}
        return {
            **content,
            "info": {**cast(dict[str, object], content["info"]), **about},
            "servers": [{"url": settings.PUBLIC_URL}],
        }


class SchemaView(PublicView):
    """The OpenAPI document, open to everybody."""

    # Given by the route: as_view(document=...).
    document: OpenApiDocument = cast(OpenApiDocument, None)

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(self.document.body, content_type="application/json")
