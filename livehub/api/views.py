"""The base of every API view: one request in, one dialect's answer out, whatever the client sent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import ClassVar, NoReturn, Protocol, TypeVar, cast

from django.db.models import Model
from django.http import HttpRequest, QueryDict
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from livehub.api.body import read_image, read_json_object, refuse_foreign_forms
from livehub.api.dialect import Dialect, JsonObject
from livehub.api.errors import InvalidQueryError, ScopeMissingError, UnknownRouteError, describe_problem
from livehub.api.idempotency import AnswerBook, answer_once, read_key
from livehub.api.paging import CursorPage, Page
from livehub.api.throttling import find_allowance
from livehub.api.wire import Content
from livehub.core import request_ids
from livehub.core.errors import ValidationFailedError

_Row = TypeVar("_Row", bound=Model)
_Item = TypeVar("_Item")

WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
READING = frozenset({"GET", "HEAD"})


class ApiCaller(Protocol):
    """What the base needs to know of a caller; an authentication class returns one as `request.auth`."""

    @property
    def scopes(self) -> list[str]: ...

    @property
    def identity(self) -> str:
        """Of the API key, the same in every process."""

    @property
    def answers(self) -> AnswerBook: ...


class AlwaysJson(BaseContentNegotiation):
    """Answers JSON whatever the client says it accepts: an error page in HTML helps no program."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class AsItIs(BaseRenderer):
    """Answers bytes that need no shape."""

    media_type = "image/*"
    charset = None
    render_style = "binary"

    def render(self, data: bytes, *args: object, **kwargs: object) -> bytes:
        return data


class ApiView(APIView):
    """Authenticates, checks the scope, reads the body; subclasses answer with `answer` or `answer_list`."""

    # Given by every route: as_view(dialect=...).
    dialect: Dialect = cast(Dialect, None)
    # Given by the routes of nouns whose shapes differ between dialects.
    shapes: object = None
    # Under which its operations stand in the description.
    tag: ClassVar[str]
    read_scope: ClassVar[str]
    write_scope: ClassVar[str]

    # A PUT's body is an image of at most so many bytes; 0 where it is JSON, as everywhere else.
    image_max_bytes: ClassVar[int] = 0

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    renderer_classes = [JSONRenderer]
    parser_classes = []
    permission_classes = []
    content_negotiation_class = AlwaysJson

    body: JsonObject
    image: bytes

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [self.dialect.authentication()]

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        caller = cast(ApiCaller | None, request.auth)
        allowance = find_allowance(caller.identity) if caller else None
        if allowance is not None:
            self.headers.update(allowance.headers)
            allowance.check()

    def needed_scope(self, method: str) -> str:
        return self.read_scope if method in READING else self.write_scope

    def check_permissions(self, request: Request) -> None:
        caller = cast(ApiCaller, request.auth)
        needed = self.needed_scope(request.method or "")
        if needed not in caller.scopes:
            raise ScopeMissingError(f"This API key lacks the scope {needed}. Use one that has it.")

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        takes_image = request.method == "PUT" and self.image_max_bytes > 0
        if request.method not in READING:
            refuse_foreign_forms(request._request, takes_image=takes_image)
        if takes_image:
            self.image, self.body = read_image(request._request, at_most=self.image_max_bytes), {}
        else:
            self.body = read_json_object(request._request) if request.method in WITH_BODY else {}

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> Response:
        """Do what DRF does, and what a client asks to be done once."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            response = self._perform()
        except Exception as error:  # Whatever it is, the client is answered in its dialect.
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    def _perform(self) -> Response:
        request, method = self.request, (self.request.method or "").lower()
        found = getattr(self, method, None) if method in self.http_method_names else None
        perform = partial(found or self.http_method_not_allowed, request, *self.args, **self.kwargs)
        key = read_key(request._request) if method == "post" else None
        caller = cast(ApiCaller | None, request.auth)
        if key is None or caller is None:
            return perform()
        return answer_once(request._request, key=key, book=caller.answers, perform=perform)

    def handle_exception(self, exc: Exception) -> Response:
        problem = describe_problem(exc)
        headers = dict(problem.headers)
        if problem.http_status == 401:
            headers["WWW-Authenticate"] = self.get_authenticate_header(self.request)
        body = self.dialect.wire.error_body(problem, request_ids.current())
        return Response(body, status=problem.http_status, headers=headers)

    @property
    def default_response_headers(self) -> dict[str, str]:
        # Answers carry stream keys: nothing on the way may keep them.
        return {**super().default_response_headers, "Cache-Control": "no-store"}

    def read_query(self, query: type[serializers.Serializer[None]], **context: object) -> Mapping[str, object]:
        """Return the query string's parameters, checked; `context` is the serializer's, and hashable.

        :raises InvalidQueryError: when any of them is not acceptable.
        """
        text = self.request.META["QUERY_STRING"]
        return _check_query(query, text, **context) if text else _defaults(query, **context)

    def read_body(self, body: type[serializers.Serializer[None]]) -> Mapping[str, object]:
        """Return the body's members, checked.

        :raises ValidationFailedError: when any of them is not acceptable.
        """
        serializer = body(data=self.body)
        if not serializer.is_valid():
            raise ValidationFailedError("The body is not acceptable.", fields=complaints_of(serializer))
        return cast(Mapping[str, object], serializer.validated_data)

    def answer(self, data: object, *, status: int = 200, paging: Mapping[str, object] | None = None) -> Response:
        """Answer with one thing; `paging` is that of a list within it."""
        return self._wrap(Content(data, paging), status=status)

    def answer_list(self, items: Sequence[object], *, page: Page[_Item] | CursorPage[_Row], name: str = "") -> Response:
        """Answer with a page of a list; with a name only where the vendor's own answer has the list under that name.

        Some vendors' bodies do not say that there is more, so a header does. Source: RFC 8288.
        """
        response = self._wrap(Content(items, page.paging, name), status=200)
        if page.next_query:
            response.headers["Link"] = f'<{self._address_of_page(page.next_query)}>; rel="next"'
        return response

    def answer_image(self, content: bytes, *, content_type: str) -> Response:
        """Answer with an image as it is."""
        # Chosen here and not before: whatever goes wrong is told in the dialect's own shape.
        self.request.accepted_renderer = AsItIs()
        return Response(content, content_type=content_type)

    def _address_of_page(self, asked: Mapping[str, str]) -> str:
        query = QueryDict(self.request.META["QUERY_STRING"], mutable=True, encoding="utf-8")
        for name, value in asked.items():
            query[name] = value
        return f"{self.request.path}?{query.urlencode()}"

    def _wrap(self, content: Content, *, status: int) -> Response:
        body = self.dialect.wire.answer_body(content, request_ids.current())
        return Response(body, status=self.dialect.status(status))


class PublicView(ApiView):
    """Answers whoever asks."""

    def get_authenticators(self) -> list[BaseAuthentication]:
        return []

    def check_permissions(self, request: Request) -> None:
        """Need no scope."""


class UnknownRouteView(PublicView):
    """Answers below a dialect's prefix where nothing else does: in that dialect's shape, never in HTML."""

    schema = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> NoReturn:
        raise UnknownRouteError(f"No operation {request.method} {request.path[:200]}. Paths have no trailing slash.")


@cache
def _defaults(query: type[serializers.Serializer[None]], **context: object) -> Mapping[str, object]:
    """Return what an empty query string says; most are empty, and checking one costs as much as a query."""
    return MappingProxyType(_check_query(query, "", **context))


def _check_query(query: type[serializers.Serializer[None]], text: str, **context: object) -> dict[str, object]:
    # Not request.GET, whose encoding a client may choose.
    serializer = query(data=QueryDict(text, encoding="utf-8"), context=context)
    if not serializer.is_valid():
        raise InvalidQueryError("The query string is not acceptable.", fields=complaints_of(serializer))
    return cast(dict[str, object], serializer.validated_data)


def complaints_of(serializer: serializers.Serializer[None]) -> dict[str, list[str]]:
    """Return what is wrong with a body that was not valid: sentences by member, one within another with its path."""
    return dict(_named(serializer.errors))


def _named(errors: Mapping[str, object], *, within: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield each member, one within another as `config.media.video`, with its sentences."""
    for member, complaint in errors.items():
        name = _spelt_out(member)
        if name == api_settings.NON_FIELD_ERRORS_KEY:
            # It is about the whole member, such as one that is no object.
            yield within.removesuffix("."), list(_flatten(complaint))
        elif isinstance(complaint, Mapping) and all(isinstance(inner, str) for inner in complaint):
            yield from _named(complaint, within=f"{within}{name}.")
        else:
            yield f"{within}{name}", list(_flatten(complaint))


def _flatten(errors: object) -> Iterator[str]:
    """Yield the sentences; a list's errors are nested by position."""
    if isinstance(errors, Mapping):
        errors = list(errors.values())
    if isinstance(errors, list):
        for error in errors:
            yield from _flatten(error)
    else:
        yield _spelt_out(errors)


def _spelt_out(text: object) -> str:
    """Return the text with lone surrogates as escapes: complaints repeat what was sent, and no answer can hold them."""
    return str(text).encode("utf-8", "backslashreplace").decode()
