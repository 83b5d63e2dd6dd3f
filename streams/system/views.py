"""The page of the instance itself: is every part there, and is there room?"""

from typing import ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from streams.dashboard.pages import MemberView
from streams.self_tests.services import SelfTestRefusedError, start_self_test
from streams.system.screen import get_system_screen


class SystemView(MemberView):
    needs_to_look: ClassVar[str] = "can_see_system"

    def get(self, request: HttpRequest) -> HttpResponse:
        screen = get_system_screen()
        if self.request.htmx:
            return self.page("streams/_system_live.html", screen=screen, is_update=True)
        return self.page("streams/system.html", screen=screen)


class SelfTestStartView(MemberView):
    """Starts a self-test, and goes where its steps are shown."""

    needs = "can_see_system"
    needs_to_look = "can_see_system"
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            start_self_test(organization=self.member.organization, actor=self.actor)
        except SelfTestRefusedError as refusal:
            messages.warning(request, refusal.message)
            return self.go("streams:system")
        return self.go("streams:system", said="The self-test has begun. It is over within half a minute.")
