"""Pages of lists: `page_no` from 1, `per_page` up to 100, and where in the whole list a page lies.

Lists that grow while they are read have cursors instead: a page begins after what the last one ended with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypedDict, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers

_Row = TypeVar("_Row", bound=Model)
# Of a page: a row, or what was made of several.
_Item = TypeVar("_Item")

# Source: the vendors' documented default; the maximum is ours.
DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 100
# From which offset on it pays to look for the ids of a page first.
_DEEP = 1000


class PageQuery(serializers.Serializer[None]):
    """Which page."""

    page_no = serializers.IntegerField(
        default=1, min_value=0, help_text="Page to return, from 1; 0 counts as 1. A page past the end is empty."
    )
    per_page = serializers.IntegerField(
        default=DEFAULT_PER_PAGE, min_value=1, max_value=MAX_PER_PAGE, help_text="Items on a page."
    )


class PageNumbers(TypedDict):
    """A checked `PageQuery`."""

    page_no: int
    per_page: int


@dataclass(frozen=True)
class Page(Generic[_Item]):
    """Some items of a list, and where they lie in it."""

    items: Sequence[_Item]
    total: int
    first_offset: int

    @property
    def paging(self) -> dict[str, object]:
        """Return `total_count` and the 1-based, inclusive offsets; both offsets are 0 when the page is empty."""
        last = self.first_offset + len(self.items) - 1
        offsets = (self.first_offset, last) if self.items else (0, 0)
        return {"total_count": self.total, "start_offset": offsets[0], "end_offset": offsets[1]}

    @property
    def next_query(self) -> Mapping[str, str]:
        """Return what to ask for the page after this one; nothing when it is the last, or lies past the end."""
        before = self.first_offset - 1
        if not self.items or before + len(self.items) >= self.total:
            return {}
        # Only the last one may be shorter than asked for.
        return {"page_no": str(before // len(self.items) + 2)}


def take_page(rows: QuerySet[_Row], *, wanted: PageNumbers, count: Callable[[], int]) -> Page[_Row]:
    """Return a page of the rows; `count` tells how many there are, and is asked only where the page does not."""
    end = end_of(wanted)
    start = end - wanted["per_page"]
    if start == 0:
        items = list(rows[: wanted["per_page"]])
        return Page(items, len(items) if len(items) < wanted["per_page"] else count(), 1)
    total = count()
    # A page past the end is not asked of the database: its offset may be any number that a client can think of.
    items = list(_between(rows, start, end)) if start < total else []
    return Page(items, total, start + 1)


def end_of(wanted: PageNumbers) -> int:
    """Return where the page ends in the list, if it is full."""
    return max(wanted["page_no"], 1) * wanted["per_page"]


def _between(rows: QuerySet[_Row], start: int, end: int) -> QuerySet[_Row]:
    if start < _DEEP:
        return rows[start:end]
    # What comes before the page is passed over in the index alone, and not read row by row.
    return rows.filter(pk__in=rows.values("pk")[start:end])


class PagingSerializer(serializers.Serializer[None]):
    """Where a page lies in the whole list."""

    examples = {"total_count": 1, "start_offset": 1, "end_offset": 1}

    total_count = serializers.IntegerField()
    start_offset = serializers.IntegerField(help_text="Position of the first item, from 1; 0 when the page is empty.")
    end_offset = serializers.IntegerField(help_text="Position of the last item; 0 when the page is empty.")


class CursorQuery(serializers.Serializer[None]):
    """Which part of a list that grows."""

    after = serializers.CharField(
        default="", help_text="`next_cursor` of the page before this one; left out for the first page."
    )
    per_page = serializers.IntegerField(
        default=DEFAULT_PER_PAGE, min_value=1, max_value=MAX_PER_PAGE, help_text="Items on a page."
    )


@dataclass(frozen=True)
class CursorPage(Generic[_Row]):
    """Some rows of a list that grows, and what to ask for those that follow."""

    items: Sequence[_Row]
    # Empty where nothing can follow.
    next_cursor: str
    # Now; a list that grows at its end may have more later.
    has_more: bool

    @property
    def paging(self) -> dict[str, object]:
        return {"next_cursor": self.next_cursor or None, "has_more": self.has_more}

    @property
    def next_query(self) -> Mapping[str, str]:
        """Return what to ask for the page after this one; nothing when there is none now."""
        return {"after": self.next_cursor} if self.has_more else {}


def take_cursor_page(rows: QuerySet[_Row], *, per_page: int, cursor_of: Callable[[_Row], str]) -> CursorPage[_Row]:
    """Return the first of the rows; `cursor_of` tells what to ask for those that follow one."""
    found = list(rows[: per_page + 1])
    items = found[:per_page]
    has_more = len(found) > per_page
    return CursorPage(items, cursor_of(items[-1]) if has_more else "", has_more)


class CursorPagingSerializer(serializers.Serializer[None]):
    """How a list goes on."""

    examples = {"next_cursor": "0199a3c0-4d2e-7b41-9c57-2f6d1e8a9b30", "has_more": True}

    next_cursor = serializers.CharField(
        read_only=True, allow_null=True, help_text="What to ask for the next page with, as `after`; null at the end."
    )
    has_more = serializers.BooleanField(help_text="There is a next page now.")
