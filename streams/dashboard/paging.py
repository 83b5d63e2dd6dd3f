"""Lists in pages, as people turn them."""

from typing import TypeVar

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

_Row = TypeVar("_Row", bound=Model)

PAGE_SIZE = 25
_PAGE_MAX = 1_000_000


class PageForm(forms.Form):
    """Which page. What it cannot understand it leaves out: a list is never an error."""

    page = forms.IntegerField(min_value=1, max_value=_PAGE_MAX, required=False)

    def number(self) -> int:
        """Return the page that was asked for, from 1."""
        self.is_valid()
        return self.cleaned_data.get("page") or 1


def page_of(rows: QuerySet[_Row], *, number: int, total: int) -> "Page[_Row]":
    """Return a page of `total` rows; one beyond the last is the last."""
    paginator = Paginator(rows, PAGE_SIZE)
    # A cached property, and the caller knows a cheaper way to count.
    vars(paginator)["count"] = total
    return paginator.get_page(number)


def asked_page(rows: QuerySet[_Row], request: HttpRequest) -> "Page[_Row]":
    """Return the page of all of these rows that was asked for."""
    return page_of(rows, number=PageForm(request.GET).number(), total=rows.count())
