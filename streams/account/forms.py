"""What the dashboard asks for about people and keys."""

from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from livehub.core import clock
from livehub.core.names import NAME_MAX_LENGTH
from streams.account.guard import TooBusyError, guarded
from streams.organizations.attempts import TooManyAttemptsError
from streams.organizations.members import manageable_roles
from streams.organizations.models import ApiKey, App, Member, Organization, Role
from streams.organizations.selectors import list_apps

# Nobody types more, and hashing a longer one is work for nothing.
_PASSWORD_MAX_LENGTH = 256
_PRESENT_MISSING = "Type your password."
_EMAIL_WORDS = {
    "required": "Type your e-mail address.",
    "invalid": "Type a whole e-mail address, like name@example.org.",
}
# A list that a person still finds something in.
_APPS_OFFERED = 50
_ROLE_WORDS = {
    Role.OWNER: "Owner: everything, owners included",
    Role.ADMIN: "Admin: livestreams, meetings, webhooks, apps, API keys, and members other than owners",
    Role.OPERATOR: "Operator: livestreams and meetings, and replays of webhooks",
    Role.VIEWER: "Viewer: looks, and changes nothing",
}


class LoginForm(AuthenticationForm):
    """E-mail and password; what is wrong is not told apart, so that nobody learns who has an account."""

    error_messages = {
        "invalid_login": "That e-mail address and password do not match. Check both, and try again.",
        "inactive": "This account is switched off. Ask your administrator.",
    }

    # Why the password was not looked at, if it was not.
    refusal: TooManyAttemptsError | TooBusyError | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Handed through.
        self.fields["username"].label = "E-mail address"
        self.fields["username"].error_messages["required"] = _EMAIL_WORDS["required"]
        self.fields["password"].error_messages["required"] = _PRESENT_MISSING
        self.fields["username"].widget = forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})

    def clean(self) -> dict[str, Any]:
        account, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not account or not password:
            return super().clean()
        try:
            with guarded(cast(HttpRequest, self.request), account=account, door="log_in") as attempt:
                cleaned = super().clean()
                attempt.succeeded()
                return cleaned
        except (TooManyAttemptsError, TooBusyError) as error:
            self.refusal = error
            raise ValidationError(error.message) from error


def _password(
    label: str, *, missing: str, autocomplete: str, is_first: bool = False, **options: str
) -> forms.CharField:
    attributes: dict[str, object] = {"autocomplete": autocomplete} | ({"autofocus": True} if is_first else {})
    return forms.CharField(
        label=label,
        max_length=_PASSWORD_MAX_LENGTH,
        strip=False,
        error_messages={"required": missing},
        widget=forms.PasswordInput(attrs=attributes),
        **options,  # type: ignore[arg-type]  # Of the field.
    )


def _new_password(label: str, *, is_first: bool = False) -> forms.CharField:
    return _password(
        label,
        missing="Choose a password.",
        autocomplete="new-password",
        is_first=is_first,
        help_text="At least 10 characters. A short sentence is easy to keep.",
    )


class CodeForm(forms.Form):
    """The code of an authenticator app."""

    code = forms.CharField(
        label="Code from your app",
        max_length=32,
        error_messages={"required": "Type the six digits that your app shows."},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )


class RecoveryCodeForm(forms.Form):
    """A code from the list that was shown when the second factor was turned on."""

    code = forms.CharField(
        label="Recovery code",
        max_length=32,
        error_messages={"required": "Type one of your recovery codes."},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )


class PresentPasswordForm(forms.Form):
    """Shows that whoever sits at the browser is still the person who logged in."""

    present = _password("Your password", missing=_PRESENT_MISSING, autocomplete="current-password", is_first=True)


class PasswordChangeForm(forms.Form):
    present = _password(
        "Present password",
        missing="Type the password that you have now.",
        autocomplete="current-password",
        is_first=True,
    )
    password = _new_password("New password")


class NewPasswordForm(forms.Form):
    password = _new_password("New password", is_first=True)


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address",
        error_messages=_EMAIL_WORDS,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )


class JoinForm(forms.Form):
    """A new person's name and password; the address stands in the invitation."""

    name = forms.CharField(
        label="Your name",
        max_length=NAME_MAX_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    password = _new_password("Choose a password")


class RoleForm(forms.Form):
    """Which role; only those that the person who asks may give."""

    role = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, *args: object, giver: Member, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Handed through.
        choices = [(role.value, _ROLE_WORDS[role]) for role in manageable_roles(giver)]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]  # A choice field's.


class InvitationForm(RoleForm):
    email = forms.EmailField(
        label="E-mail address",
        error_messages=_EMAIL_WORDS | {"required": "Type the e-mail address of the person."},
        widget=forms.EmailInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "name@example.org"}),
    )
    role = forms.ChoiceField(initial=Role.OPERATOR.value, widget=forms.RadioSelect)


class ResetLinkForm(forms.Form):
    drops_second_factor = forms.BooleanField(
        label="Turn off the second factor as well, because phone and recovery codes are lost", required=False
    )


class AppForm(forms.Form):
    """What an app is called; whether its characters can be used, the service decides."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the app a name, so that you find it again."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Autumn conference"}),
    )


class _AppField(forms.ModelChoiceField):  # type: ignore[type-arg]  # Not generic at run time.
    """One app of an organization, or all of them; those made last are offered."""

    def offer(self, organization: Organization, *, named: str) -> None:
        """Let the apps of the organization be chosen."""
        apps = list_apps(organization)
        self.queryset = apps
        offered = [*apps[:_APPS_OFFERED]]
        # One whose page led here need not be among them.
        offered += [app for app in self._find(named) if app not in offered]
        self.choices = [("", "Every app"), *((app.pk, f"Only {app.name}") for app in offered)]

    def _find(self, named: str) -> list[App]:
        try:
            found = self.clean(named) if named else None
        except ValidationError:
            return []
        return [found] if found else []


class ApiKeyForm(forms.Form):
    """A new key: what uses it, which dialect it is for, what it may do where, and until when."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the key a name, so that you know later what uses it."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Booking system"}),
    )
    kind = forms.ChoiceField(
        choices=[
            (ApiKey.Kind.BASIC, "Dyte v2: an API key, as the password of HTTP Basic"),
            (ApiKey.Kind.BEARER, "RealtimeKit: an API token, as Bearer"),
            (ApiKey.Kind.LIVEAPI, "LiveAPI: a key id and a secret"),
            (ApiKey.Kind.CLOUDINARY, "Cloudinary: an API key and an API secret"),
        ],
        initial=ApiKey.Kind.BASIC,
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        choices=[
            (ApiKey.Scope.READ, "Look at everything, stream keys excepted"),
            (ApiKey.Scope.LIVESTREAMS, "Create, change and delete livestreams, and publish to them"),
            (ApiKey.Scope.MEETINGS, "Create and change meetings, and livestream them"),
            (ApiKey.Scope.WEBHOOKS, "Create and change webhooks, and replay what they missed"),
            (ApiKey.Scope.ADMIN, "Create apps and API keys"),
        ],
        # What most programs need; who may make keys is chosen on purpose.
        initial=[ApiKey.Scope.READ, ApiKey.Scope.LIVESTREAMS, ApiKey.Scope.MEETINGS, ApiKey.Scope.WEBHOOKS],
        error_messages={"required": "Choose what the key opens."},
        widget=forms.CheckboxSelectMultiple,
    )
    app = _AppField(
        queryset=App.objects.none(),
        required=False,
        label="Reaches",
        help_text="On Dyte v2 and LiveAPI a key for every app reaches the default app only.",
        error_messages={"invalid_choice": "Choose one of your apps."},
    )
    expires_in_days = forms.TypedChoiceField(
        choices=[("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")],
        coerce=int,
        empty_value=None,
        required=False,
        label="Expires",
    )

    def __init__(self, *args: object, organization: Organization, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Handed through.
        field = cast(_AppField, self.fields["app"])
        field.offer(organization, named=str(self["app"].value() or ""))

    def expires_at(self) -> datetime | None:
        """Return the end of the key's life, counted from now; None when it has none."""
        days: int | None = self.cleaned_data["expires_in_days"]
        return None if days is None else clock.now() + timedelta(days=days)
