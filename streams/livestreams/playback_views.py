"""The dashboard's forms of playback: the settings, links for viewers, and the key that signs them."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from livehub.core import clock
from livehub.core.errors import ValidationFailedError
from streams.dashboard.pages import complain
from streams.livestreams import playback_keys, services, viewers
from streams.livestreams.pages import OneLivestreamView
from streams.livestreams.playback_forms import (
    PlaybackForm,
    PlaybackKeyRotateForm,
    ViewerDismissalForm,
    ViewerLinkForm,
)
from streams.livestreams.viewers import ViewerPass


class PlaybackPage(OneLivestreamView):
    """A form of one livestream's playback, on a page of its own or in a dialog."""

    needs = needs_to_look = "can_operate"

    def show(self, name: str, *, status: int = 200, **context: object) -> HttpResponse:
        is_dialog = bool(self.request.htmx)
        template = f"streams/{'_' if is_dialog else ''}{name}.html"
        context = {"livestream": self.get_livestream(), "is_dialog": is_dialog, **context}
        return self.page(template, context, status=status)


class PlaybackChangeView(PlaybackPage):
    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self.show("playback_change", form=PlaybackForm.of(self.get_livestream()))

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        form = PlaybackForm.of(livestream, request.POST)
        if not form.is_valid():
            return self.show("playback_change", form=form, status=422)
        try:
            services.change_livestream(livestream=livestream, actor=self.actor, **form.changes())
        except ValidationFailedError as error:
            complain(form, error)
            return self.show("playback_change", form=form, status=422)
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said="Saved.")


class ViewerLinkView(PlaybackPage):
    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self.show("viewer_link", form=ViewerLinkForm())

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        form = ViewerLinkForm(request.POST)
        if not form.is_valid():
            return self.show("viewer_link", form=form, status=422)
        try:
            given = self._make(form)
        except ValidationFailedError as error:
            complain(form, error)
            return self.show("viewer_link", form=form, status=422)
        response = self.show("viewer_link", form=form, given=given)
        response["Cache-Control"] = "no-store"
        return response

    def _make(self, form: ViewerLinkForm) -> ViewerPass:
        viewer_id, expires_at = form.cleaned_data["viewer_id"], clock.now() + form.lifetime
        return viewers.hand_out_link(
            livestream=self.get_livestream(), viewer_id=viewer_id, expires_at=expires_at, actor=self.actor
        )


class ViewerDismissalView(PlaybackPage):
    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self.show("viewer_dismissal", form=ViewerDismissalForm())

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        form = ViewerDismissalForm(request.POST)
        if not form.is_valid():
            return self.show("viewer_dismissal", form=form, status=422)
        viewer_id = form.cleaned_data["viewer_id"]
        viewers.revoke_viewer(livestream=self.get_livestream(), viewer_id=viewer_id, actor=self.actor)
        said = f"Links that were made for {viewer_id} stop working within 10 seconds."
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said=said)


class PlaybackKeyView(PlaybackPage):
    """Tells the secret to those who may let viewers in, and only when asked."""

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        # Not made by looking at it.
        key = next(iter(playback_keys.list_keys(livestream.app)), None)
        return self.page("streams/playback_key.html", livestream=livestream, key=key)

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream = self.get_livestream()
        key = playback_keys.show_key(app=livestream.app, actor=self.actor)
        response = self.page("streams/playback_key.html", livestream=livestream, key=key, secret=key.secret)
        response["Cache-Control"] = "no-store"
        return response


class PlaybackKeyRotateView(PlaybackPage):
    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self.show("playback_key_rotate", form=PlaybackKeyRotateForm())

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        form = PlaybackKeyRotateForm(request.POST)
        if not form.is_valid():
            return self.show("playback_key_rotate", form=form, status=422)
        playback_keys.rotate_key(app=self.get_livestream().app, actor=self.actor, overlap=form.overlap)
        return self.go("streams:playback_key", livestream_id=livestream_id, said="There is a new signing key.")
