"""The dashboard's pages of livestreams."""

from typing import ClassVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from livehub.core.errors import ValidationFailedError
from livehub.core.lengths import length_words
from streams.dashboard.pages import MemberView, complain
from streams.dashboard.paging import asked_page
from streams.livestreams import services
from streams.livestreams.forms import LivestreamFilterForm, LivestreamForm, NewLivestreamForm
from streams.livestreams.models import Livestream
from streams.livestreams.pages import OneLivestreamView, set_up_box, with_player
from streams.livestreams.selectors import (
    LivestreamScreen,
    find_open_session,
    get_livestream_list,
    get_overview,
    get_session_screen,
    list_sessions,
)
from streams.organizations.selectors import get_default_app


class OverviewView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        overview = get_overview(self.member)
        if self.request.htmx:
            return self.page("streams/_overview_live.html", overview=overview, is_update=True)
        return self.page("streams/overview.html", overview=overview)


class LivestreamListView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        form = LivestreamFilterForm(request.GET)
        owner = self.member.organization
        found = get_livestream_list(owner=owner, wanted=form.wanted(), page=form.number())
        if self.request.htmx:
            found = found.kept_in_place(form.shown_ids())
            return self.page("streams/_livestream_list.html", found=found, is_update=True)
        return self.page("streams/livestream_list.html", found=found, form=form)


class LivestreamCreateView(MemberView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(NewLivestreamForm.suggesting(), status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewLivestreamForm(request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        app = get_default_app(self.member.organization)
        try:
            livestream = services.create_livestream(
                app=app, name=form.cleaned_data["name"], actor=self.actor, **form.settings()
            )
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, status=422)
        return self.go("streams:livestream_detail", livestream_id=livestream.pk)

    def _form(self, form: NewLivestreamForm, *, status: int) -> HttpResponse:
        template = "streams/_livestream_create.html" if self.request.htmx else "streams/livestream_create.html"
        return self.page(template, form=form, is_dialog=bool(self.request.htmx), status=status)


@with_player
class LivestreamDetailView(OneLivestreamView):
    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        screen = self.get_screen()
        if self.request.htmx:
            return self.page("streams/_livestream_live.html", screen=screen)
        return self.page("streams/livestream_detail.html", self.whole(screen))

    def whole(self, screen: LivestreamScreen) -> dict[str, object]:
        """Return what the page is made of when it is opened."""
        return set_up_box(screen)


class SessionListView(OneLivestreamView):
    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        sessions = list_sessions(livestream).with_newest_event()
        page = asked_page(sessions, request)
        return self.page("streams/session_list.html", livestream=livestream, page=page)


class SessionDetailView(OneLivestreamView):
    def get(self, request: HttpRequest, livestream_id: UUID, session_id: UUID) -> HttpResponse:
        owner = self.member.organization
        screen = get_session_screen(organization=owner, livestream_id=livestream_id, session_id=session_id)
        template = "streams/_session_live.html" if self.request.htmx else "streams/session_detail.html"
        return self.page(template, screen=screen, is_update=self.request.htmx)


class LivestreamRenameView(OneLivestreamView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        return self._form(livestream, LivestreamForm(initial={"name": livestream.name}), status=200)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream, form = self.get_livestream(), LivestreamForm(request.POST)
        if not form.is_valid():
            return self._form(livestream, form, status=422)
        try:
            services.rename_livestream(livestream=livestream, name=form.cleaned_data["name"], actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(self.get_livestream(), form, status=422)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Renamed.")

    def _form(self, livestream: Livestream, form: LivestreamForm, *, status: int) -> HttpResponse:
        template = "streams/_livestream_rename.html" if self.request.htmx else "streams/livestream_rename.html"
        is_dialog = bool(self.request.htmx)
        return self.page(template, livestream=livestream, form=form, is_dialog=is_dialog, status=status)


class ConfirmedActionView(OneLivestreamView):
    """A change that asks first: GET says what it will do (as a page, or in a dialog), POST does it."""

    needs = needs_to_look = "can_operate"
    question: ClassVar[str]
    consequence: ClassVar[str] = ""
    button: ClassVar[str]
    is_harmless: ClassVar[bool] = False
    said: ClassVar[str]

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        template = "streams/_confirm.html" if self.request.htmx else "streams/confirm.html"
        livestream = self.get_livestream()
        return self.page(
            template,
            livestream=livestream,
            open_session=find_open_session(livestream),
            action=self,
            consequence=self.consequence_for(livestream),
            is_dialog=bool(self.request.htmx),
        )

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        self.change(livestream)
        if request.POST.get("from") != "list":
            return self.done(livestream)
        if self.request.htmx:
            return self.page("streams/_livestream_row.html", livestream=self.get_livestream())
        return self.go("streams:livestream_list", said=f"{livestream}: {self.said}")

    def consequence_for(self, livestream: Livestream) -> str:
        """Return what this action will do to that livestream."""
        return self.consequence

    @property
    def tone(self) -> str:
        """The class of its button."""
        return "primary" if self.is_harmless else "danger-solid"

    def change(self, livestream: Livestream) -> None:
        """Call the one service that this action is."""
        raise NotImplementedError

    def done(self, livestream: Livestream) -> HttpResponse:
        return self.go("streams:livestream_detail", livestream_id=livestream.pk, said=self.said)


class LivestreamDisableView(ConfirmedActionView):
    question = "Disable"
    consequence = "Encoders are refused until you enable it again. Its stream key and its playback URL stay the same."
    button = "Disable livestream"
    said = "Disabled."

    def change(self, livestream: Livestream) -> None:
        services.disable_livestream(livestream=livestream, actor=self.actor)


class LivestreamEnableView(ConfirmedActionView):
    question = "Enable"
    consequence = "Encoders with its stream key are accepted again."
    button = "Enable livestream"
    is_harmless = True
    said = "Enabled."

    def change(self, livestream: Livestream) -> None:
        services.enable_livestream(livestream=livestream, actor=self.actor)


class StreamKeyResetView(ConfirmedActionView):
    question = "Reset the stream key of"
    consequence = "The old key stops working at once. Put the new one into every encoder that publishes here."
    button = "Reset stream key"
    said = "The stream key is new: put it into your encoder."

    def change(self, livestream: Livestream) -> None:
        services.reset_stream_key(livestream=livestream, actor=self.actor)


class BroadcastEndView(ConfirmedActionView):
    question = "End the broadcast of"
    button = "End broadcast"
    said = "The broadcast is over."

    def consequence_for(self, livestream: Livestream) -> str:
        hold_s = livestream.end_hold_s
        if not hold_s:
            return "Encoders are let in again at once: one that comes back by itself begins another broadcast."
        return f"Encoders are turned away for {length_words(hold_s)}, or until you let them in."

    def change(self, livestream: Livestream) -> None:
        services.end_broadcast(livestream=livestream, hold=None, actor=self.actor)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        if find_open_session(self.get_livestream()) is None:
            messages.info(request, "There is no broadcast to end: the encoder is not connected.")
            return self.go("streams:livestream_detail", livestream_id=livestream_id)
        return super().post(request, livestream_id)


class LivestreamDeleteView(ConfirmedActionView):
    question = "Delete"
    consequence = "Its page, its stream key and its playback URL stop working for good. This cannot be undone."
    button = "Delete livestream"
    said = "Deleted."

    def change(self, livestream: Livestream) -> None:
        services.delete_livestream(livestream=livestream, actor=self.actor)

    def done(self, livestream: Livestream) -> HttpResponse:
        return self.go("streams:livestream_list", said=f"{livestream} is deleted.")
