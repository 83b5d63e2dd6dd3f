"""What people see before they are in: the code step, a forgotten password, an invitation."""

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.views import View

from livehub.core import mail
from livehub.core.clients import client_address
from livehub.core.errors import DomainError, ValidationFailedError
from livehub.core.links import LinkUnusableError, read_token
from streams.account.forms import CodeForm, ForgottenForm, JoinForm, NewPasswordForm, RecoveryCodeForm
from streams.account.guard import count_attempt, guarded
from streams.account.steps import enter, find_entrant
from streams.dashboard.pages import complain, say_when, see_other
from streams.identity import passwords
from streams.identity.models import PasswordReset
from streams.identity.second_factor import use_code
from streams.organizations import members
from streams.organizations.models import Invitation


class EntryView(View):
    """A page that no cache keeps, since it belongs to one moment of one person."""

    template: str

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            response = super().dispatch(request, *args, **kwargs)
        except LinkUnusableError as error:
            response = render(request, "streams/link_unusable.html", {"error": error}, status=error.http_status)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def page(self, form: Form | None = None, *, status: int = 200, **context: object) -> HttpResponse:
        return render(self.request, self.template, {"form": form, **context}, status=status)

    def refused(self, form: Form, error: DomainError, **context: object) -> HttpResponse:
        """Show the form again, with what was wrong."""
        if isinstance(error, ValidationFailedError):
            complain(form, error)
        else:
            form.add_error(None, error.message)
        return say_when(self.page(form, status=error.http_status, **context), error)


class CodeView(EntryView):
    """The second step: without a right code nobody is logged in."""

    template = "streams/login_code.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if find_entrant(request) is None:
            return self._begin_again()
        return self.page(self._form_class()(), is_recovery=self._is_recovery)

    def post(self, request: HttpRequest) -> HttpResponse:
        entrant = find_entrant(request)
        if entrant is None:
            return self._begin_again()
        form = self._form_class()(request.POST)
        if not form.is_valid():
            return self.page(form, status=422, is_recovery=self._is_recovery)
        try:
            with guarded(request, account=entrant.user.email, door="code") as attempt:
                use_code(user=entrant.user, code=form.cleaned_data["code"], address=client_address(request))
                attempt.succeeded()
        except DomainError as error:
            return self.refused(form, error, is_recovery=self._is_recovery)
        return enter(request, entrant.user, see_other(entrant.going_to))

    @property
    def _is_recovery(self) -> bool:
        return self.request.GET.get("with") == "recovery-code"

    def _form_class(self) -> type[Form]:
        return RecoveryCodeForm if self._is_recovery else CodeForm

    def _begin_again(self) -> HttpResponse:
        messages.info(self.request, "Please begin again with your password.")
        return redirect("streams:login")


class ForgottenView(EntryView):
    """Asks for a link by mail; what it answers does not tell who has an account."""

    template = "streams/password_forgotten.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(ForgottenForm(), can_mail=mail.is_set_up())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ForgottenForm(request.POST)
        if not form.is_valid():
            return self.page(form, status=422, can_mail=mail.is_set_up())
        email = form.cleaned_data["email"]
        try:
            count_attempt(request, account=email, door="password_mail")
        except DomainError as error:
            return self.refused(form, error, can_mail=mail.is_set_up())
        passwords.ask_for_reset(email=email, address=client_address(request))
        return self.page(form, can_mail=mail.is_set_up(), sent_to=email if mail.is_set_up() else "")


class PasswordResetView(EntryView):
    """What a reset link opens: a new password, and then the log-in as ever."""

    template = "streams/password_reset.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        token = request.GET.get("token", "")
        return self.page(NewPasswordForm(), token=token, reset=_reset(token))

    def post(self, request: HttpRequest) -> HttpResponse:
        token = request.POST.get("token", "")
        reset = _reset(token)
        form = NewPasswordForm(request.POST)
        if not form.is_valid():
            return self.page(form, status=422, token=token, reset=reset)
        try:
            new, address = form.cleaned_data["password"], client_address(request)
            passwords.reset_password(reset_id=reset.pk, new=new, address=address)
        except ValidationFailedError as error:
            return self.refused(form, error, token=token, reset=reset)
        messages.success(request, "Your new password is set. Log in with it.")
        return redirect("streams:login")


class InvitationAcceptView(EntryView):
    """What an invitation opens: an account for who has none, membership for who has one."""

    template = "streams/invitation_accept.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        token = request.GET.get("token", "")
        return self._page(JoinForm(), token)

    def post(self, request: HttpRequest) -> HttpResponse:
        token = request.POST.get("token", "")
        invitation = _invitation(token)
        if members.find_invited(invitation) is not None:
            return self._join_as_known(invitation, token)
        form = JoinForm(request.POST)
        if not form.is_valid():
            return self._page(form, token, status=422)
        try:
            address = client_address(request)
            user = members.join_as_new(invitation_id=invitation.pk, address=address, **form.cleaned_data)
        except ValidationFailedError as error:
            complain(form, error)
            return self._page(form, token, status=422)
        return enter(request, user, self._welcome(invitation))

    def _join_as_known(self, invitation: Invitation, token: str) -> HttpResponse:
        user = self.request.user
        if not user.is_authenticated:
            return self._page(None, token, status=403)
        try:
            members.join_as_known(invitation_id=invitation.pk, user=user, address=client_address(self.request))
        except members.NotPermittedError:
            return self._page(None, token, status=403)
        return self._welcome(invitation)

    def _page(self, form: Form | None, token: str, *, status: int = 200) -> HttpResponse:
        invitation = _invitation(token)
        known = members.find_invited(invitation)
        return self.page(form, status=status, token=token, invitation=invitation, known=known)

    def _welcome(self, invitation: Invitation) -> HttpResponse:
        messages.success(self.request, f"Welcome to {invitation.organization}.")
        return redirect("streams:overview")


def _reset(token: str) -> PasswordReset:
    return passwords.get_open_reset(read_token(token, purpose=passwords.LINK_PURPOSE))


def _invitation(token: str) -> Invitation:
    return members.get_open_invitation(read_token(token, purpose=members.LINK_PURPOSE))
