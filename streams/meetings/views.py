"""The dashboard's pages of meetings, and of their livestreams."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.dashboard.pages import DialogView, MemberView, complain
from streams.dashboard.paging import PageForm, asked_page
from streams.livestreams.pages import with_player
from streams.meetings import broadcasts
from streams.meetings.forms import MeetingChangeForm, MeetingForm, MeetingListForm
from streams.meetings.models import Meeting
from streams.meetings.pages import OneMeetingView, meeting_page, meeting_update
from streams.meetings.selectors import (
    find_active_livestream,
    get_meeting_list,
    get_meeting_screen,
    list_sessions_of,
)
from streams.meetings.services.meetings import change_meeting, create_meeting
from streams.organizations.quotas import QuotaExceededError
from streams.organizations.selectors import get_default_app


class MeetingListView(MemberView):
    def get(self, request: HttpRequest) -> HttpResponse:
        form = MeetingListForm(request.GET)
        owner = self.member.organization
        found = get_meeting_list(organization=owner, search=form.search(), page=form.number())
        if self.request.htmx:
            return self.page("streams/_meeting_list.html", found=found, is_update=True)
        return self.page("streams/meeting_list.html", found=found)


class MeetingCreateView(DialogView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(MeetingForm(), status=200)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = MeetingForm(request.POST)
        if not form.is_valid():
            return self._form(form, status=422)
        app = get_default_app(self.member.organization)
        try:
            meeting = create_meeting(app=app, values=form.values(), actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(form, status=422)
        return self.go("streams:meeting_detail", meeting_id=meeting.pk)

    def _form(self, form: MeetingForm, *, status: int) -> HttpResponse:
        return self.show("meeting_create", {"form": form}, status=status)


@with_player
class MeetingDetailView(OneMeetingView):
    def get(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        page = PageForm(request.GET).number()
        screen = get_meeting_screen(organization=self.member.organization, meeting_id=meeting_id, page=page)
        if self.request.htmx:
            template, context = meeting_update(screen, built_around=request.GET.get("livestream", ""))
            return self.page(template, context)
        return self.page("streams/meeting_detail.html", meeting_page(screen))


class MeetingSessionListView(OneMeetingView):
    def get(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        rows = list_sessions_of(meeting)
        page = asked_page(rows, request)
        return self.page("streams/meeting_session_list.html", meeting=meeting, page=page)


class MeetingChangeView(OneMeetingView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        return self._form(meeting, MeetingChangeForm.of(meeting), status=200)

    def post(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        form = MeetingChangeForm.of(meeting, request.POST)
        if not form.is_valid():
            return self._form(meeting, form, status=422)
        try:
            change_meeting(meeting=meeting, changes=form.values(), actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(meeting, form, status=422)
        return self.to_meeting(said="Saved.")

    def _form(self, meeting: Meeting, form: MeetingChangeForm, *, status: int) -> HttpResponse:
        return self.show("meeting_change", {"meeting": meeting, "form": form}, status=status)


class MeetingLivestreamStartView(OneMeetingView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        try:
            broadcasts.start_meeting_livestream(meeting=meeting, name=meeting.title, actor=self.actor)
        except QuotaExceededError as refusal:
            messages.warning(request, refusal.message)
            return self.to_meeting()
        return self.to_meeting(said="The livestream is started.")


class MeetingLivestreamStopView(OneMeetingView):
    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        livestream = find_active_livestream(meeting)
        if livestream is None:
            return self._nothing_to_stop()
        return self.show("meeting_livestream_stop", {"meeting": meeting, "livestream": livestream})

    def post(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        livestream = find_active_livestream(meeting)
        if livestream is None:
            return self._nothing_to_stop()
        # What the person was asked about may have been stopped meanwhile, and another one started.
        if request.POST.get("livestream", livestream.pk.hex) != livestream.pk.hex:
            messages.warning(request, "That livestream is stopped already. This one was started since.")
            return self.to_meeting()
        try:
            broadcasts.stop_meeting_livestream(meeting=meeting, actor=self.actor)
        except NotFoundError:
            return self._nothing_to_stop()
        return self.to_meeting(said="The livestream is stopped.")

    def _nothing_to_stop(self) -> HttpResponse:
        messages.info(self.request, "There is no livestream to stop.")
        return self.to_meeting()
