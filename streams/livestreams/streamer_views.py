"""The page of a streamer who is no member, and the form that makes the link to it."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from livehub.core.errors import DomainError
from streams.dashboard.pages import say_when
from streams.livestreams import streamer_links
from streams.livestreams.pages import OneLivestreamView
from streams.livestreams.selectors import get_streamer_screen

_SCHEME = "Bearer "


class StreamerLinkForm(forms.Form):
    """What a link shows, and for how long."""

    shows_key = forms.BooleanField(required=False)
    lasts_days = forms.TypedChoiceField(
        choices=[("", "Until it is withdrawn"), ("1", "For a day"), ("7", "For a week"), ("30", "For 30 days")],
        coerce=int,
        empty_value=None,
        required=False,
        label="Works",
    )

    @property
    def lasts(self) -> timedelta | None:
        """For how long the link works; None for until it is withdrawn."""
        days: int | None = self.cleaned_data["lasts_days"]
        return None if days is None else timedelta(days=days)


class StreamerLinkView(OneLivestreamView):
    """The dialog, or a page of its own: the link that there is, or a form that makes one."""

    needs = needs_to_look = "can_operate"

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        return self._shown(StreamerLinkForm())

    def _shown(self, form: StreamerLinkForm, *, status: int = 200) -> HttpResponse:
        livestream = self.get_livestream()
        link = streamer_links.find_link(livestream)
        is_dialog = bool(self.request.htmx)
        template = "streams/_streamer_link.html" if is_dialog else "streams/streamer_link.html"
        address = streamer_links.address_of(link) if link else ""
        shown = {"livestream": livestream, "link": link, "address": address, "is_dialog": is_dialog, "form": form}
        response = self.page(template, shown, status=status)
        response["Cache-Control"] = "private, no-store"
        return response

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        form = StreamerLinkForm(request.POST)
        if not form.is_valid():
            return self._shown(form, status=422)
        streamer_links.make_link(
            livestream=self.get_livestream(),
            shows_key=form.cleaned_data["shows_key"],
            lasts=form.lasts,
            actor=self.actor,
        )
        if self.request.htmx:
            return self.get(request, livestream_id)
        return self.go("streams:streamer_link", livestream_id=livestream_id)


class StreamerLinkWithdrawView(OneLivestreamView):
    needs = needs_to_look = "can_operate"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        streamer_links.withdraw_link(livestream=self.get_livestream(), actor=self.actor)
        said = "The streamer's link no longer works."
        return self.go("streams:livestream_detail", livestream_id=livestream_id, said=said)


@require_safe
def streamer_page(request: HttpRequest) -> HttpResponse:
    """Show the same page to everybody: what opens a livestream stays in the browser, which asks with it."""
    response = render(None, "streams/streamer.html")
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
def streamer_state(request: HttpRequest) -> HttpResponse:
    """Answer the page's parts to who sends a link's token as `Authorization: Bearer`."""
    token = request.headers.get("Authorization", "").removeprefix(_SCHEME)
    try:
        response = render(
            None, "streams/_streamer.html", {"screen": get_streamer_screen(streamer_links.open_link(token))}
        )
    except DomainError as error:
        response = HttpResponse(error.message, status=error.http_status, content_type="text/plain; charset=utf-8")
        say_when(response, error)
    patch_cache_control(response, private=True, no_store=True)
    return response
