"""What the dashboard asks for about webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypedDict, cast
from uuid import UUID

from django import forms
from django.forms.boundfield import BoundWidget
from django.http import QueryDict

from livehub.api.identifiers import find_uuid
from livehub.core import clock
from livehub.core.names import NAME_MAX_LENGTH
from streams.dashboard.changing import ChangeForm
from streams.dashboard.paging import PageForm
from streams.models import App, Organization
from streams.organizations.selectors import list_apps
from webhooks.catalogue import EVENT_NAMES, EventName, Family
from webhooks.health import DELIVERY_STATES, LISTS
from webhooks.models import Endpoint
from webhooks.screens import DeliveryWanted
from webhooks.selectors import DeliveryFilter
from webhooks.services import EndpointChanges
from webhooks.states import RETENTION, PayloadFormat

# What nothing is called.
_NO_ID = UUID(int=0)
# A list that a person still finds something in.
_APPS_OFFERED = 200
_FAMILY_WORDS = {
    Family.LIVEHUB: "LiveHub's own words. Choose these for new programs.",
    Family.VENDORS: "What programs that were made for Dyte v2 or Cloudflare RealtimeKit listen for.",
    Family.LIVEAPI: "What programs that were made for LiveAPI listen for.",
}
_SPANS = {
    "hour": ("the last hour", timedelta(hours=1)),
    "day": ("the last 24 hours", timedelta(days=1)),
    "week": ("the last 7 days", timedelta(days=7)),
}
_UNTIL = "until"
_DATETIME_LOCAL = "%Y-%m-%dT%H:%M"
_ID_MAX_LENGTH = 64


def _moment_field(label: str) -> forms.DateTimeField:
    """Return a field for a moment, without seconds: a person's, in the one zone that everybody can tell."""
    return forms.DateTimeField(
        required=False,
        label=label,
        input_formats=[_DATETIME_LOCAL, "%Y-%m-%dT%H:%M:%S"],
        error_messages={"invalid": "Enter a day and a time."},
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_DATETIME_LOCAL),
    )


class EndpointListForm(PageForm):
    """Which of the lists, and which page of it."""

    show = forms.ChoiceField(choices=[(value, label) for value, (label, _) in LISTS.items()], required=False)

    def wanted(self) -> str:
        self.is_valid()
        return self.cleaned_data.get("show") or ""


class EndpointValues(TypedDict):
    """What is asked for of a new endpoint, beside its app."""

    name: str
    url: str
    events: list[str]
    format: str


@dataclass(frozen=True)
class EventChoice:
    """A box to tick, and what it is for."""

    box: BoundWidget
    event: EventName


@dataclass(frozen=True)
class EventGroup:
    """The events of one family."""

    family: Family
    summary: str
    choices: list[EventChoice]


class EndpointForm(ChangeForm):
    """Where events go, and which; what can be an address, the service decides."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the webhook a name, so that you know later what listens there."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Booking system"}),
    )
    url = forms.CharField(
        label="URL",
        error_messages={"required": "Enter the address of your server that events are to be sent to."},
        help_text="LiveHub sends a POST request there for each event. Answer with any 2xx status within 15 seconds.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
                "inputmode": "url",
                "placeholder": "https://example.com/webhooks",
            }
        ),
    )
    app = forms.ModelChoiceField(
        queryset=App.objects.none(),
        empty_label=None,
        help_text="Only what happens in this app is sent.",
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one of your apps."),
    )
    events = forms.MultipleChoiceField(
        choices=[(name, name) for name in EVENT_NAMES],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one event.", "invalid_choice": "There is no event %(value)s."},
    )
    format = forms.ChoiceField(
        choices=[
            (PayloadFormat.DYTE, "As Dyte v2 sends them"),
            (PayloadFormat.REALTIMEKIT, "As Cloudflare RealtimeKit sends them"),
        ],
        initial=PayloadFormat.DYTE.value,
        widget=forms.RadioSelect,
    )

    def __init__(self, values: QueryDict | None = None, *, initial: Mapping[str, object] | None = None) -> None:
        super().__init__(values, initial=dict(initial or {}))

    @classmethod
    def new(cls, organization: Organization, values: QueryDict | None = None) -> "EndpointForm":
        """Return the form of an endpoint that is to be made; it asks for an app where there are several."""
        form = cls(values)
        apps = list_apps(organization)
        field = cast("forms.ModelChoiceField[App]", form.fields["app"])
        field.queryset = apps
        offered = list(apps[:_APPS_OFFERED])
        field.choices = [(app.pk, app.name) for app in offered]
        form.initial["app"] = offered[0].pk
        if len(offered) == 1:
            field.required, field.disabled = False, True
        return form

    @classmethod
    def of(cls, endpoint: Endpoint, values: QueryDict | None = None) -> "EndpointForm":
        """Return the form of an endpoint that is there; it stays with its app."""
        names = ("name", "url", "events", "format")
        form = cls(values, initial={name: getattr(endpoint, name) for name in names})
        del form.fields["app"]
        form.show_what_is_there()
        return form

    def groups(self) -> list[EventGroup]:
        """Return the boxes of all events, by whose words they are."""
        boxes = {str(box.data["value"]): box for box in self["events"]}
        return [
            EventGroup(
                family,
                _FAMILY_WORDS[family],
                [EventChoice(boxes[name], event) for name, event in EVENT_NAMES.items() if event.family == family],
            )
            for family in Family
        ]

    def asks_for_app(self) -> bool:
        return "app" in self.fields and not self.fields["app"].disabled

    def chosen_app(self) -> App:
        """Return the app of the checked form of a new endpoint."""
        return cast(App, self.cleaned_data["app"])

    def values(self) -> EndpointValues:
        """Return what the checked form says of a new endpoint."""
        return cast(EndpointValues, {name: self.cleaned_data[name] for name in EndpointValues.__required_keys__})

    def changes(self) -> EndpointChanges:
        """Return what the checked form says otherwise than it showed."""
        return cast(EndpointChanges, self.changed())


class DeliveryFilterForm(forms.Form):
    """Which deliveries. What it cannot understand it leaves out: a list is never an error."""

    state = forms.ChoiceField(
        choices=[("", "Any state"), *((shown.value, shown.label) for shown in DELIVERY_STATES.values())],
        required=False,
    )
    event = forms.ChoiceField(required=False)
    within = forms.ChoiceField(
        choices=[
            ("", "Any time"),
            *((value, words.capitalize()) for value, (words, _) in _SPANS.items()),
            (_UNTIL, "Before a day and time"),
        ],
        label="Time",
        required=False,
    )
    until = _moment_field("Before, UTC")
    id = forms.CharField(
        label="Search by webhook-id or event id",
        max_length=_ID_MAX_LENGTH,
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": "webhook-id or event id", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    before = forms.UUIDField(required=False)

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        cast(forms.ChoiceField, self.fields["event"]).choices = [("", "Any event"), *((n, n) for n in EVENT_NAMES)]

    def wanted(self) -> DeliveryWanted:
        self.is_valid()
        within, text = self.cleaned_data.get("within") or "", (self.cleaned_data.get("id") or "").strip()
        until = cast("datetime | None", self.cleaned_data.get("until")) if within == _UNTIL else None
        return DeliveryWanted(
            filter=DeliveryFilter(
                state=self.cleaned_data.get("state") or "",
                name=self.cleaned_data.get("event") or "",
                since=clock.now() - _SPANS[within][1] if within in _SPANS else None,
                until=until.replace(tzinfo=UTC) if until else None,
                uid=(find_uuid(text) or _NO_ID) if text else None,
            ),
            within=within,
            until=f"{until:{_DATETIME_LOCAL}}" if until else "",
            id=text,
            before=cast("UUID | None", self.cleaned_data.get("before")),
        )

    def offer(self, endpoint: Endpoint) -> "DeliveryFilterForm":
        """Let only those events be chosen that the endpoint listens for, and the one that is chosen."""
        chosen = self["event"].value() or ""
        names = [name for name in EVENT_NAMES if name in endpoint.events or name == chosen]
        cast(forms.ChoiceField, self.fields["event"]).choices = [("", "Any event"), *((name, name) for name in names)]
        return self


class ReplayForm(forms.Form):
    """What is to be sent again, and since when."""

    what = forms.ChoiceField(
        choices=[
            ("failed", "What failed"),
            ("all", "Everything that it listens for, also what has arrived or was never sent"),
        ],
        initial="failed",
        widget=forms.RadioSelect,
    )
    since = forms.ChoiceField(widget=forms.RadioSelect)
    at = _moment_field("Day and time, UTC")

    def __init__(self, values: QueryDict | None = None, *, endpoint: Endpoint) -> None:
        super().__init__(values, initial={"since": "hour"})
        choices = [(value, words.capitalize()) for value, (words, _) in _SPANS.items()]
        choices += [("all", f"All that is kept, {RETENTION.days} days"), ("at", "A day and time of your choice")]
        self._failing_since = endpoint.failing_since
        if self._failing_since:
            since = self._failing_since.astimezone(UTC)
            choices.insert(0, ("failing", f"To when it began to fail, {since:%-d %b, %H:%M} UTC"))
            self.initial["since"] = "failing"
        cast(forms.ChoiceField, self.fields["since"]).choices = choices

    def clean(self) -> dict[str, object]:
        if self.cleaned_data.get("since") == "at" and not self.cleaned_data.get("at") and "at" not in self.errors:
            self.add_error("at", "Enter a day and a time.")
        return self.cleaned_data

    def chosen_time(self) -> datetime:
        """Return since when, of the checked form."""
        since = self.cleaned_data["since"]
        if since == "at":
            return cast(datetime, self.cleaned_data["at"]).replace(tzinfo=UTC)
        if since == "failing" and self._failing_since:
            return self._failing_since
        return clock.now() - (_SPANS[since][1] if since in _SPANS else RETENTION)


class TestForm(forms.Form):
    """Which event is sent as a test."""

    event = forms.ChoiceField(
        help_text="Made up, and signed like any other. Only this webhook gets it.",
        error_messages={"required": "Choose an event.", "invalid_choice": "Choose one of these events."},
    )

    def __init__(self, values: QueryDict | None = None, *, endpoint: Endpoint) -> None:
        # The page behind the dialog has a field of that name.
        super().__init__(values, auto_id="id_test_%s")
        names = [name for name in endpoint.events if name in EVENT_NAMES and EVENT_NAMES[name].is_emitted]
        # Whether a request arrives can be tried in any case.
        offered = names or [name for name, event in EVENT_NAMES.items() if event.is_emitted]
        cast(forms.ChoiceField, self.fields["event"]).choices = [(name, name) for name in offered]
