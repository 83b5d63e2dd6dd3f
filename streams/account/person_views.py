"""The pages of one's own: password, second factor, and where one is logged in."""

from collections.abc import Callable
from typing import ClassVar, TypeVar
from uuid import UUID

import segno
from django.contrib.auth import update_session_auth_hash
from django.forms import Form
from django.http import HttpRequest, HttpResponse

from livehub.core import crypto
from livehub.core.errors import DomainError, ValidationFailedError
from streams.account.forms import CodeForm, PasswordChangeForm, PresentPasswordForm
from streams.account.guard import guarded, remember_device
from streams.dashboard.pages import PersonView, complain, say_when
from streams.identity import passwords, second_factor
from streams.identity.log_ins import end_log_in, end_other_log_ins, list_log_ins
from streams.identity.models import public_id_of
from streams.organizations.members import choose_organization
from streams.organizations.models import User
from streams.organizations.selectors import list_memberships

_Result = TypeVar("_Result")
# Codes on their way to the page that shows them, encrypted: sessions are rows.
_CODES = "recovery_codes"


class OwnView(PersonView):
    """A page of the person who is logged in."""

    @property
    def session_key(self) -> str:
        return self.request.session.session_key or ""

    def form_page(self, template: str, form: Form, error: DomainError | None = None, **context: object) -> HttpResponse:
        """Show a form, with what was wrong the last time."""
        if isinstance(error, ValidationFailedError):
            complain(form, error)
        elif error is not None:
            form.add_error(None, error.message)
        status = error.http_status if error else 422 if form.errors else 200
        return say_when(self.page(template, context, form=form, status=status), error)

    def with_password(self, deed: Callable[[], _Result]) -> _Result:
        """Do what takes the present password; wrong ones count, since a browser left open proves nothing."""
        with guarded(self.request, account=self.person.email, door="password") as attempt:
            try:
                result = deed()
            except ValidationFailedError:
                # Of the new one: the present one was right.
                attempt.succeeded()
                raise
            attempt.succeeded()
            return result

    def keep_codes(self, codes: list[str]) -> HttpResponse:
        """Send the browser to the page that shows recovery codes once; a reload of it makes no new ones."""
        self.request.session[_CODES] = crypto.encrypt(" ".join(codes))
        return self.go("streams:recovery_codes")


class PersonDetailView(OwnView):
    def get(self, request: HttpRequest) -> HttpResponse:
        factor = second_factor.find_second_factor(self.person)
        return self.page(
            "streams/person.html",
            second_factor=factor,
            codes_left=second_factor.count_recovery_codes(factor) if factor else 0,
            log_ins=list_log_ins(self.person),
            here=public_id_of(self.session_key),
            memberships=list_memberships(self.person),
        )


class PasswordChangeView(OwnView):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.form_page("streams/password_change.html", PasswordChangeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PasswordChangeForm(request.POST)
        if not form.is_valid():
            return self.form_page("streams/password_change.html", form)
        try:
            user = self.with_password(lambda: self._change(form))
        except DomainError as error:
            return self.form_page("streams/password_change.html", form, error)
        update_session_auth_hash(request, user)
        response = self.go(
            "streams:person_detail", said="Your password is changed. You are logged out everywhere else."
        )
        remember_device(response, user=user)
        return response

    def _change(self, form: PasswordChangeForm) -> User:
        return passwords.change_password(
            user=self.person,
            present=form.cleaned_data["present"],
            new=form.cleaned_data["password"],
            keep=self.session_key,
            address=self.actor.address,
        )


class SecondFactorStartView(OwnView):
    template = "streams/second_factor_start.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.form_page(self.template, PresentPasswordForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PresentPasswordForm(request.POST)
        if not form.is_valid():
            return self.form_page(self.template, form)
        try:
            password = form.cleaned_data["present"]
            self.with_password(lambda: second_factor.start_second_factor(user=self.person, password=password))
        except DomainError as error:
            return self.form_page(self.template, form, error)
        return self.go("streams:second_factor_confirm")


class SecondFactorConfirmView(OwnView):
    """Shows the secret for the app, as a picture and as text, until a first code is right."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self._page(form)
        try:
            code = form.cleaned_data["code"]
            codes = second_factor.confirm_second_factor(
                user=self.person, code=code, keep=self.session_key, address=self.actor.address
            )
        except DomainError as error:
            return self._page(form, error)
        return self.keep_codes(codes)

    def _page(self, form: CodeForm, error: DomainError | None = None) -> HttpResponse:
        factor = second_factor.find_unconfirmed(self.person)
        if factor is None:
            return self.go("streams:person_detail")
        secret = second_factor.secret_of(factor)
        picture = segno.make(second_factor.app_uri(factor), error="m").svg_data_uri(scale=4, border=3, light="#fff")
        groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
        response = self.form_page("streams/second_factor_confirm.html", form, error, picture=picture, secret=groups)
        response["Cache-Control"] = "no-store"
        return response


class RecoveryCodesView(OwnView):
    """Shows new recovery codes once; later it offers to make others."""

    def get(self, request: HttpRequest) -> HttpResponse:
        kept = request.session.pop(_CODES, None)
        if kept is None:
            return self.go("streams:person_detail")
        response = self.page("streams/recovery_codes.html", text="\n".join(crypto.decrypt(kept).split()))
        response["Cache-Control"] = "no-store"
        return response


class PasswordAskingView(OwnView):
    """A change of the second factor that asks for the password first."""

    title: ClassVar[str]
    consequence: ClassVar[str]
    button: ClassVar[str]
    tone: ClassVar[str] = "primary"

    def get(self, request: HttpRequest) -> HttpResponse:
        if second_factor.find_second_factor(self.person) is None:
            return self.go("streams:person_detail")
        return self._page(PresentPasswordForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PresentPasswordForm(request.POST)
        if not form.is_valid():
            return self._page(form)
        try:
            return self.with_password(lambda: self.change(form.cleaned_data["present"]))
        except DomainError as error:
            return self._page(form, error)

    def change(self, password: str) -> HttpResponse:
        """Call the one service that this is."""
        raise NotImplementedError

    def _page(self, form: PresentPasswordForm, error: DomainError | None = None) -> HttpResponse:
        return self.form_page("streams/password_ask.html", form, error, action=self)


class RecoveryCodesRemakeView(PasswordAskingView):
    title = "Make new recovery codes"
    consequence = "The codes that you have now stop working, and you are logged out everywhere else."
    button = "Make new codes"

    def change(self, password: str) -> HttpResponse:
        codes = second_factor.remake_recovery_codes(
            user=self.person, password=password, keep=self.session_key, address=self.actor.address
        )
        return self.keep_codes(codes)


class SecondFactorOffView(PasswordAskingView):
    title = "Turn off the second factor"
    consequence = "Your password alone opens your account then. You are logged out everywhere else."
    button = "Turn off"
    tone = "danger-solid"

    def change(self, password: str) -> HttpResponse:
        second_factor.turn_off_second_factor(
            user=self.person, password=password, keep=self.session_key, address=self.actor.address
        )
        return self.go("streams:person_detail", said="The second factor is off.")


class OrganizationChooseView(OwnView):
    def post(self, request: HttpRequest, member_id: UUID) -> HttpResponse:
        chosen = choose_organization(user=self.person, member_id=member_id)
        return self.go("streams:overview", said=f"You are looking at {chosen.organization} now.")


class LogInEndView(OwnView):
    def post(self, request: HttpRequest, log_in_id: UUID) -> HttpResponse:
        end_log_in(user=self.person, log_in_id=log_in_id, address=self.actor.address)
        return self.go("streams:person_detail", said="That log-in is ended.")


class OtherLogInsEndView(OwnView):
    def post(self, request: HttpRequest) -> HttpResponse:
        end_other_log_ins(user=self.person, keep=self.session_key, actor=self.actor)
        return self.go("streams:person_detail", said="You are logged out everywhere else.")
