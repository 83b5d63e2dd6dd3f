"""The list of recordings that people look through: what of it they want to see, and how many there are of each kind."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.core.paginator import Page
from django.db.models import Count, Q

from livehub.api.identifiers import find_uuid
from streams.dashboard.paging import page_of
from streams.recordings.models import Recording, RecordingQuerySet
from streams.recordings.states import ACTIVE, INCOMPLETE, RECORDING_STATES, VERIFIED, RecordingStatus

_TAKEN, _STORED_LATER, _FAILED = (
    RECORDING_STATES[status]
    for status in (RecordingStatus.RECORDING, RecordingStatus.UPLOADING, RecordingStatus.ERRORED)
)
# In the order of their tabs: each recording is in exactly one.
_KINDS: Mapping[str, Q] = {
    _TAKEN.value: Q(status__in=ACTIVE),
    _STORED_LATER.value: Q(status=RecordingStatus.UPLOADING),
    VERIFIED.value: Q(status=RecordingStatus.UPLOADED, is_verified=True),
    INCOMPLETE.value: Q(status=RecordingStatus.UPLOADED, is_verified=False),
    _FAILED.value: Q(status=RecordingStatus.ERRORED),
}
# Values as addresses have them, and what people call them; no value for all.
KINDS = [
    ("", "All"),
    *((shown.value, shown.label) for shown in (_TAKEN, _STORED_LATER, VERIFIED, INCOMPLETE, _FAILED)),
]


@dataclass(frozen=True, kw_only=True)
class RecordingListFilter:
    """Which recordings; as it comes it keeps them all."""

    # Any part of the name of its meeting, or of its livestream, now or then, or of its file; or its id or livestream's.
    search: str = ""
    # One of `KINDS`.
    kind: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or self.kind)


@dataclass(frozen=True)
class RecordingTab:
    """A kind of recordings, and how many there are of it among those that the search keeps."""

    kind: str
    label: str
    count: int
    is_current: bool


@dataclass(frozen=True)
class RecordingList:
    """A page of what a filter keeps."""

    wanted: RecordingListFilter
    page: "Page[Recording]"
    tabs: list[RecordingTab]


def get_recording_list(rows: RecordingQuerySet, *, wanted: RecordingListFilter, page: int) -> RecordingList:
    """Return a page of what the filter keeps of these; two queries, and the last page for one beyond it."""
    found = _matching(rows, wanted.search) if wanted.search else rows
    counts = _count(found)
    kept = found.filter(_KINDS[wanted.kind]) if wanted.kind else found
    tabs = [RecordingTab(kind, label, counts[kind], kind == wanted.kind) for kind, label in KINDS]
    return RecordingList(wanted, page_of(kept, number=page, total=counts[wanted.kind]), tabs)


def _matching(rows: RecordingQuerySet, search: str) -> RecordingQuerySet:
    text = search.strip().replace("\x00", "")
    names = ("livestream__name", "meeting__title", "name", "output_file_name")
    found = reduce(or_, (Q(**{f"{name}__icontains": text}) for name in names))
    found_id = find_uuid(text)
    if found_id is not None:
        found |= Q(pk=found_id) | Q(livestream=found_id)
    return rows.filter(found)


def _count(rows: RecordingQuerySet) -> Mapping[str, int]:
    """Return how many there are of each kind, and of all as ""."""
    of_kinds = {f"of_{kind}": Count("pk", filter=of_kind) for kind, of_kind in _KINDS.items()}
    told = rows.order_by().aggregate(**of_kinds)
    counts = Counter({kind: told[f"of_{kind}"] for kind in _KINDS})
    return {**counts, "": counts.total()}
