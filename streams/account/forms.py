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
from streams.organizations.models import ApiKey


class LoginForm(AuthenticationForm):
    """E-mail and password; what is wrong is not told apart, so that nobody learns who has an account."""

    error_messages = {
        "invalid_login": "That e-mail address and password do not belong together. Check both, and mind capitals.",
        "inactive": "This account is switched off. Ask your administrator.",
    }

    # Why the password was not looked at, if it was not.
    refusal: TooManyAttemptsError | TooBusyError | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Handed through.
        self.fields["username"].label = "E-mail address"
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


class ApiKeyForm(forms.Form):
    """A new key: what uses it, how it is sent, what it may do, and until when."""

    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        error_messages={"required": "Give the key a name, so that you know later what uses it."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Booking system"}),
    )
    kind = forms.ChoiceField(
        choices=[
            (ApiKey.Kind.BASIC, "API key, as the password of HTTP Basic (Dyte v2)"),
            (ApiKey.Kind.BEARER, "API token, as a Bearer token (RealtimeKit)"),
        ],
        initial=ApiKey.Kind.BASIC,
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        choices=[
            (ApiKey.Scope.READ, "Read livestreams and sessions"),
            (ApiKey.Scope.WRITE, "Create, change and delete livestreams"),
        ],
        initial=list(ApiKey.Scope.values),
        error_messages={"required": "Choose at least one thing that the key may do."},
        widget=forms.CheckboxSelectMultiple,
    )
    expires_in_days = forms.TypedChoiceField(
        choices=[("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")],
        coerce=int,
        empty_value=None,
        required=False,
        label="Expires",
    )

    def expires_at(self) -> datetime | None:
        """Return the end of the key's life, counted from now; None when it has none."""
        days: int | None = self.cleaned_data["expires_in_days"]
        return None if days is None else clock.now() + timedelta(days=days)
