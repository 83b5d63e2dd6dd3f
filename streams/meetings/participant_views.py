"""The dashboard's pages of who can join a meeting."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from livehub.core import crypto
from livehub.core.errors import ValidationFailedError
from streams.dashboard.pages import complain
from streams.meetings.forms import ParticipantForm, TokenForm
from streams.meetings.models import Meeting, Participant
from streams.meetings.pages import OneMeetingView
from streams.meetings.selectors import get_participant
from streams.meetings.services import participants

# Where a browser's session holds the token that it is to be shown next.
_SHOWN_NEXT = "participant_shown_next"


class ParticipantPage(OneMeetingView):
    """A page of who can join a meeting, or of one of them."""

    needs = needs_to_look = "can_operate"

    def get_participant(self, participant_id: UUID) -> Participant:
        return get_participant(meeting=self.get_meeting(), participant_id=participant_id)

    def show_token(self, participant: Participant, token: str) -> HttpResponse:
        """Send the browser to the page that shows the token once."""
        # Browsers' sessions rest in the database, where no secret may stand in the clear.
        kept = {"participant_id": str(participant.pk), "encrypted": crypto.encrypt(token)}
        self.request.session[_SHOWN_NEXT] = kept
        return self.go("streams:participant_token", meeting_id=self.meeting_id, participant_id=participant.pk)


class ParticipantAddPage(ParticipantPage):
    def get(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        return self._form(meeting, ParticipantForm(app=meeting.app), status=200)

    def post(self, request: HttpRequest, meeting_id: UUID) -> HttpResponse:
        meeting = self.get_meeting()
        form = ParticipantForm(request.POST, app=meeting.app)
        if not form.is_valid():
            return self._form(meeting, form, status=422)
        try:
            added, token = participants.add_participant(meeting=meeting, values=form.values(), actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self._form(meeting, form, status=422)
        return self.show_token(added, token)

    def _form(self, meeting: Meeting, form: ParticipantForm, *, status: int) -> HttpResponse:
        return self.show("participant_add", {"meeting": meeting, "form": form}, status=status)


class ParticipantDetailPage(ParticipantPage):
    def get(self, request: HttpRequest, meeting_id: UUID, participant_id: UUID) -> HttpResponse:
        participant = self.get_participant(participant_id)
        return self._page(participant, ParticipantForm.of(participant), status=200)

    def post(self, request: HttpRequest, meeting_id: UUID, participant_id: UUID) -> HttpResponse:
        participant = self.get_participant(participant_id)
        form = ParticipantForm.of(participant, request.POST)
        if not form.is_valid():
            return self._page(participant, form, status=422)
        try:
            # The token that comes with it is one more: those that are out stay good.
            participants.change_participant(participant=participant, changes=form.values(), actor=self.actor)
        except ValidationFailedError as error:
            complain(form, error)
            return self._page(participant, form, status=422)
        return self.to_meeting(said="Saved.")

    def _page(self, participant: Participant, form: ParticipantForm, *, status: int) -> HttpResponse:
        context = {"participant": participant, "meeting": participant.meeting, "form": form, "token_form": TokenForm()}
        return self.page("streams/participant_detail.html", context, status=status)


class ParticipantTokenPage(ParticipantPage):
    """Makes a token; shows it once: looking at it takes it out of the browser's session."""

    # A HEAD would take it out and show it to nobody.
    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest, meeting_id: UUID, participant_id: UUID) -> HttpResponse:
        participant = self.get_participant(participant_id)
        made = request.session.pop(_SHOWN_NEXT, None)
        if made is None or made["participant_id"] != str(participant_id):
            messages.info(request, "A token is shown only once. If you did not copy it, make another.")
            return self.go("streams:participant_detail", meeting_id=meeting_id, participant_id=participant_id)
        context = {"participant": participant, "meeting": participant.meeting}
        response = self.page("streams/participant_token.html", context, token=crypto.decrypt(made["encrypted"]))
        response["Cache-Control"] = "no-store"
        return response

    def post(self, request: HttpRequest, meeting_id: UUID, participant_id: UUID) -> HttpResponse:
        participant = self.get_participant(participant_id)
        form = TokenForm(request.POST)
        form.is_valid()  # A box is ticked or not.
        token = participants.renew_token(participant=participant, actor=self.actor, **form.cleaned_data)
        return self.show_token(participant, token)


class ParticipantRemovePage(ParticipantPage):
    def get(self, request: HttpRequest, meeting_id: UUID, participant_id: UUID) -> HttpResponse:
        participant = self.get_participant(participant_id)
        return self.show("participant_remove", {"participant": participant, "meeting": participant.meeting})

    def post(self, request: HttpRequest, meeting_id: UUID, participant_id: UUID) -> HttpResponse:
        removed = participants.delete_participant(participant=self.get_participant(participant_id), actor=self.actor)
        return self.to_meeting(said=f"{removed} is removed.")
