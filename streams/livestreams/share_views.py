"""Passing a livestream on: the link, the code to embed it and its playback URL."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from streams.livestreams.embedding import embed_code
from streams.livestreams.forms import ShareForm
from streams.livestreams.pages import OneLivestreamView


class ShareView(OneLivestreamView):
    """The dialog, or a page of its own; asked for the code alone it says how that looks with other options."""

    def get(self, request: HttpRequest, livestream_id: UUID) -> HttpResponse:
        livestream, form = self.get_livestream(), ShareForm(request.GET)
        shown = {"livestream": livestream, "form": form, "embed_code": embed_code(livestream, form.options())}
        if not self.request.htmx:
            return self.page("streams/share.html", shown)
        is_code_only = self.request.htmx.target == "embed-code-box"
        template = "streams/_embed_code.html" if is_code_only else "streams/_share.html"
        return self.page(template, shown, is_dialog=True)
