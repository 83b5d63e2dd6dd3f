"""How the bodies of each dialect are described: what its `Wire` writes, as serializers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from livehub.api.paging import PagingSerializer

# Of anything: a description does not care what is serialized.
Described = serializers.BaseSerializer[Any]
_Fields = dict[str, serializers.Field[Any, Any, Any, Any]]


@dataclass(frozen=True)
class Enclosed:
    """What an envelope is described around."""

    data: type[serializers.BaseSerializer[Any]]
    is_list: bool
    # Where a page lies in its list, or how that goes on; None for what has no pages.
    paging: type[serializers.Serializer[None]] | None
    # As `wire.Content` has it.
    list_name: str

    @property
    def name(self) -> str:
        return f"{self.data.__name__.removesuffix('Serializer')}{'List' if self.is_list else ''}"


@dataclass(frozen=True, eq=False)
class Envelope:
    """One vendor's."""

    error: Described
    answer: Callable[[Enclosed], Described]


def _vendor_answer(enclosed: Enclosed) -> Described:
    data: Described = enclosed.data(many=enclosed.is_list)
    if enclosed.list_name:
        data = _inline(f"{enclosed.name}Data", {enclosed.list_name: data, "paging": PagingSerializer()})
    fields: _Fields = {"success": serializers.BooleanField(help_text="Always true."), "data": data}
    if enclosed.paging:
        fields["paging"] = enclosed.paging()
    return _inline(f"{enclosed.name}Answer", fields)


def _bare_answer(enclosed: Enclosed) -> Described:
    return enclosed.data(many=enclosed.is_list)


def _cloudinary_answer(enclosed: Enclosed) -> Described:
    data = enclosed.data(many=enclosed.is_list)
    return _inline(f"{enclosed.name}Answer", {"request_id": _request_id(), "data": data})


def _inline(name: str, fields: _Fields) -> Described:
    serializer: Described = inline_serializer(name, fields)
    return serializer


def _request_id() -> serializers.CharField:
    return serializers.CharField(help_text="What support asks for; also the header X-Request-Id.")


def _message() -> serializers.CharField:
    return serializers.CharField(help_text="For people: what happened, and what to do.")


def _complaints() -> serializers.DictField:
    return serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Every complaint about the input at once, by member or parameter.",
    )


def _detail() -> Described:
    return _inline(
        "ErrorDetail",
        {
            "code": serializers.IntegerField(help_text="The HTTP status."),
            "message": _message(),
            "type": serializers.CharField(help_text="For programs: stable, in snake_case."),
            "fields": _complaints(),
        },
    )


_VENDOR_ERROR = _inline(
    "Error",
    {
        "success": serializers.BooleanField(help_text="Always false."),
        "error": _detail(),
        "errors": inline_serializer(
            "ErrorSummary", {"code": serializers.IntegerField(), "message": serializers.CharField()}, many=True
        ),
    },
)
VENDOR = Envelope(error=_VENDOR_ERROR, answer=_vendor_answer)
LIVEAPI = Envelope(error=_inline("Error", {"error": _detail()}), answer=_bare_answer)
CLOUDINARY = Envelope(
    error=_inline(
        "Error",
        {
            "request_id": _request_id(),
            "error": _inline("ErrorDetail", {"message": _message(), "fields": _complaints()}),
        },
    ),
    answer=_cloudinary_answer,
)
