"""What the dashboard shows of webhooks: those of all apps of an organization."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page
from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse

from livehub.core import clock
from streams.dashboard.concerns import Concern
from streams.dashboard.paging import PAGE_SIZE, page_of
from streams.livestreams.states import Shown
from streams.models import App, Organization
from webhooks.catalogue import EVENT_NAMES, EventName, Family
from webhooks.delivery_screens import DeliveryRow, next_try
from webhooks.health import LISTS, advice, health_of, why
from webhooks.models import Delivery, Endpoint
from webhooks.selectors import (
    DeliveryFilter,
    find_delivery,
    get_own_endpoint,
    list_deliveries,
    list_endpoints_of,
    list_failing_endpoints,
    with_held,
)
from webhooks.states import DeliveryState

_CONCERNS_SHOWN = 6
# Counted exactly up to here: nobody reads more, and counting millions takes seconds.
WAITING_COUNTED = 1000


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint as lists and its own page show it."""

    endpoint: Endpoint

    @property
    def health(self) -> Shown:
        return health_of(self.endpoint)

    @property
    def why(self) -> str:
        return why(self.endpoint)

    @property
    def advice(self) -> str:
        return advice(self.endpoint)

    @property
    def listens_words(self) -> str:
        """Return how much it listens for, as a table has room for it."""
        names = self.endpoint.events
        return names[0] if len(names) == 1 else f"{len(names)} of {len(EVENT_NAMES)} events"

    @property
    def listens_for(self) -> list[tuple[Family, list[EventName]]]:
        """Return what it listens for, by whose words they are; a family that it listens for nothing of is left out."""
        names = [EVENT_NAMES[name] for name in self.endpoint.events if name in EVENT_NAMES]
        found = [(family, [name for name in names if name.family == family]) for family in Family]
        return [(family, chosen) for family, chosen in found if chosen]


@dataclass(frozen=True)
class EndpointTab:
    """A way to narrow the list of endpoints."""

    label: str
    count: int
    value: str
    is_current: bool

    @property
    def query(self) -> str:
        return f"?show={self.value}" if self.value else ""


@dataclass(frozen=True)
class EndpointList:
    """A page of an organization's endpoints."""

    page: "Page[Endpoint]"
    tabs: Sequence[EndpointTab]
    # Which list, as its address calls it.
    show: str
    has_apps: bool

    @property
    def has_any(self) -> bool:
        return self.tabs[0].count > 0

    @property
    def rows(self) -> list[EndpointRow]:
        return [EndpointRow(endpoint) for endpoint in self.page.object_list]

    @property
    def asked(self) -> str:
        """Return what the addresses of its pages begin with."""
        return f"show={self.show}&" if self.show else ""


def get_endpoint_list(*, organization: Organization, show: str, page: int) -> EndpointList:
    """Return a page of one of the `LISTS`, oldest first."""
    endpoints = list_endpoints_of(organization)
    counts = _count_lists(endpoints)
    label_of = {value: label for value, (label, _) in LISTS.items()}
    return EndpointList(
        page=page_of(endpoints.filter(LISTS[show][1]), number=page, total=counts[show]),
        tabs=[EndpointTab(label_of[value], counts[value], value, value == show) for value in LISTS],
        show=show,
        has_apps=App.objects.filter(organization=organization).count() > 1,
    )


def _count_lists(endpoints: QuerySet[Endpoint]) -> dict[str, int]:
    counts = {f"of_{value}": Count("pk", filter=wanted) for value, (_, wanted) in LISTS.items()}
    found = endpoints.order_by().aggregate(**counts)
    return {value: found[f"of_{value}"] for value in LISTS}


def list_concerns(organization: Organization) -> list[Concern]:
    """Return the endpoints that somebody should look at, for the overview: the first, and how many more there are."""
    failing = list_failing_endpoints(organization)
    found = [_concern_of(endpoint) for endpoint in failing[: _CONCERNS_SHOWN + 1]]
    if len(found) <= _CONCERNS_SHOWN:
        return found
    return [*found[:_CONCERNS_SHOWN], _more_concerns(failing.count() - _CONCERNS_SHOWN)]


def _concern_of(endpoint: Endpoint) -> Concern:
    health = health_of(endpoint)
    url = reverse("webhooks:endpoint_detail", kwargs={"endpoint_id": endpoint.pk})
    reason = f"Webhook: {why(endpoint)}"
    return Concern(health.label, health.tone, endpoint.name, reason, endpoint.failing_since, url)


def _more_concerns(many: int) -> Concern:
    url = f"{reverse('webhooks:endpoint_list')}?show=trouble"
    return Concern(f"{many:,} more", "bad", "Webhooks that need a hand", "", None, url)


@dataclass(frozen=True)
class DeliveryWanted:
    """Which deliveries a page shows; `before` is the delivery that its first one follows."""

    filter: DeliveryFilter = field(default_factory=DeliveryFilter)
    # As the address has it, since the filter's own moves on with the clock.
    within: str = ""
    until: str = ""
    # As it was typed.
    id: str = ""
    before: UUID | None = None

    @property
    def asked(self) -> str:
        """Return what the addresses of its pages begin with."""
        given = {"state": self.filter.state, "event": self.filter.name, "within": self.within}
        given |= {"until": self.until, "id": self.id}
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def here(self) -> str:
        """Return the query string of this very page."""
        return "&".join(filter(None, [self.asked, f"before={self.before}" if self.before else ""]))

    @property
    def is_narrowed(self) -> bool:
        return bool(self.asked)


@dataclass(frozen=True)
class EndpointScreen:
    """The page of an endpoint."""

    row: EndpointRow
    # Newest first.
    deliveries: list[DeliveryRow]
    wanted: DeliveryWanted
    has_older: bool
    # At most one more than are counted.
    waiting: int
    # Of those that wait; None when nothing does, or when it is disabled.
    next_try_at: datetime | None

    @property
    def endpoint(self) -> Endpoint:
        return self.row.endpoint

    @cached_property
    def is_secret_rotating(self) -> bool:
        """Tell whether the secret before the present one still signs as well."""
        until = self.endpoint.previous_secret_until
        return until is not None and until > clock.now()

    @property
    def waiting_words(self) -> str:
        return f"{WAITING_COUNTED:,} or more" if self.waiting >= WAITING_COUNTED else str(self.waiting)

    @property
    def older(self) -> str:
        """Return the query string of the page after this one."""
        last = self.deliveries[-1].delivery.uid
        return "&".join(filter(None, [self.wanted.asked, f"before={last}"]))


def get_endpoint_screen(*, organization: Organization, endpoint_id: UUID, wanted: DeliveryWanted) -> EndpointScreen:
    """Return the page of an endpoint.

    :raises NotFoundError: when the organization has no such endpoint.
    """
    endpoint = get_own_endpoint(organization=organization, endpoint_id=endpoint_id)
    found = list(_page_of_deliveries(endpoint, wanted))
    waiting = _find_waiting(endpoint)
    return EndpointScreen(
        row=EndpointRow(endpoint),
        deliveries=[DeliveryRow(delivery) for delivery in found[:PAGE_SIZE]],
        wanted=wanted,
        has_older=len(found) > PAGE_SIZE,
        waiting=waiting.many,
        next_try_at=next_try(endpoint, due_at=waiting.due_at),
    )


def _page_of_deliveries(endpoint: Endpoint, wanted: DeliveryWanted) -> QuerySet[Delivery]:
    """Return the page's deliveries, and one of the next page if there is one."""
    after = find_delivery(endpoint=endpoint, uid=wanted.before) if wanted.before else None
    return with_held(list_deliveries(endpoint, replace(wanted.filter, after=after)))[: PAGE_SIZE + 1]


class _Waiting(NamedTuple):
    many: int
    # Of the first that may go; those that wait for it seem due already.
    due_at: datetime | None


def _find_waiting(endpoint: Endpoint) -> _Waiting:
    waiting = endpoint.deliveries.filter(state=DeliveryState.PENDING).order_by("event_id")
    counted = with_held(waiting)[:WAITING_COUNTED]
    return _Waiting(**counted.aggregate(many=Count("pk"), due_at=Min("due_at", filter=Q(is_held=False))))
