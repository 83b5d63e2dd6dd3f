"""The page of the instance itself: is every part there, and is there room?"""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from streams.dashboard.pages import MemberView
from streams.system.screen import get_system_screen


class SystemView(MemberView):
    needs_to_look: ClassVar[str] = "can_see_system"

    def get(self, request: HttpRequest) -> HttpResponse:
        screen = get_system_screen()
        if self.request.htmx:
            return self.page("streams/_system_live.html", screen=screen, is_update=True)
        return self.page("streams/system.html", screen=screen)
