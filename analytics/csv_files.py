"""Figures as CSV: a line each, as they are read, and nothing that a spreadsheet would run."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain, islice

from django.http import StreamingHttpResponse

from analytics.breakdowns import Breakdown, WatchedRow
from analytics.quality import Quality
from analytics.ranges import DAY
from livehub.core import clock

CONTENT_TYPE = "text/csv; charset=utf-8"
_COLUMNS = (
    "name",
    "livestream_id",
    "began_at",
    "views",
    "viewer_seconds",
    "average_view_seconds",
    "peak_viewers",
)
# What players reported, as the API names it.
_QUALITY_COLUMNS = {
    "reported_views": "reported",
    "startup_p50_ms": "startup_p50_ms",
    "startup_p95_ms": "startup_p95_ms",
    "exits_before_start_percent": "exits_percent",
    "failures_percent": "failures_percent",
    "rebuffering_percent": "rebuffering_percent",
    "stalls": "stalls",
    "latency_p50_ms": "latency_p50_ms",
    "latency_p95_ms": "latency_p95_ms",
}
# What makes a cell a formula, also as wide as a Chinese character: at its beginning, and behind what some spreadsheet
# takes for the end of the cell before, as most of Europe's do the semicolon. Source: OWASP, "CSV Injection".
_RUN_BY_SPREADSHEETS = re.compile("(^|[;,|\t\r\n])([\"'\\s]*)([=+@\uff1d\uff0b\uff0d\uff20-]|[\t\r\n])")
_LINES_AT_ONCE = 500


def csv_of(breakdown: Breakdown) -> StreamingHttpResponse:
    """Return the answer that has all rows, the names of the columns first; what is not known is an empty cell.

    The first of them are read before it begins: what goes wrong there is still told as an error.
    """
    pieces = _pieces(chain([(breakdown.wanted.by.value, *_COLUMNS, *_QUALITY_COLUMNS)], map(_cells, breakdown.all())))
    first = next(pieces)
    response = StreamingHttpResponse(chain([first], pieces), content_type=CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{file_name(breakdown)}"'
    return response


def file_name(breakdown: Breakdown) -> str:
    """Return what browsers call it: by what it is, and its first and last day."""
    wanted = breakdown.wanted
    first, last = wanted.during.start.date(), (wanted.during.end - DAY).date()
    return f"livehub-{wanted.by.value}-{first}-{last}.csv"


def _cells(row: WatchedRow) -> Sequence[object]:
    return (
        harmless(row.key),
        harmless(row.name),
        row.livestream_id or "",
        clock.isoformat(row.began_at) if row.began_at else "",
        row.views,
        row.viewer_seconds,
        "" if row.average_ms is None else row.average_ms / 1000,
        "" if row.peak is None else row.peak,
        *_cells_of_quality(row.quality),
    )


def _cells_of_quality(quality: Quality | None) -> Iterator[object]:
    for name in _QUALITY_COLUMNS.values():
        figure = None if quality is None else getattr(quality, name)
        yield "" if figure is None else figure


def harmless(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula: behind an apostrophe, what looks like one."""
    return _RUN_BY_SPREADSHEETS.sub(r"\1'\2\3", text)


def _pieces(lines: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield the lines as text, some hundred at a time."""
    remaining = iter(lines)
    while some := list(islice(remaining, _LINES_AT_ONCE)):
        written = StringIO()
        csv.writer(written).writerows(some)
        yield written.getvalue().encode()
