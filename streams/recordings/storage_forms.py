"""What the dashboard asks for about storages; what each can be, the service decides."""

from collections.abc import Mapping, Sequence
from typing import cast

from django import forms
from django.http import QueryDict

from livehub.core.names import NAME_MAX_LENGTH
from streams.dashboard.changing import ChangeForm
from streams.organizations.models import App, Organization
from streams.organizations.selectors import list_apps
from streams.recordings.models import StorageTarget
from streams.recordings.models.storage import SECRETS, AuthMethod, StorageType
from streams.recordings.storage_services import StorageChanges

# A list that a person still finds something in.
_APPS_OFFERED = 200
_BUCKET = ("name", "bucket", "region", "path", "access_key", "secret")
_WITH_ENDPOINT = ("name", "endpoint", "bucket", "path", "access_key", "secret")
# What is asked for, in this order.
_FIELDS: Mapping[str, Sequence[str]] = {
    StorageType.AWS: _BUCKET,
    StorageType.AZURE: ("name", "bucket", "path", "access_key"),
    StorageType.CLOUDFLARE: _WITH_ENDPOINT,
    StorageType.DIGITALOCEAN: _BUCKET,
    StorageType.GCS: ("name", "bucket", "path", "secret"),
    StorageType.S3: ("name", "endpoint", "region", *_WITH_ENDPOINT[2:]),
    StorageType.SFTP: (
        *("name", "host", "port", "path", "username", "auth_method", "password", "private_key", "host_key"),
    ),
}
# What a type calls a field.
_WORDS: Mapping[tuple[str, str], tuple[str, str]] = {
    (StorageType.AZURE, "bucket"): ("Container", "It has to be there already."),
    (StorageType.AZURE, "access_key"): ("Connection string", "From the storage account's page, under Access keys."),
    (StorageType.CLOUDFLARE, "endpoint"): ("S3 API address", "https://, your account's id, .r2.cloudflarestorage.com."),
    (StorageType.GCS, "secret"): ("Service account key", "The whole JSON file that Google's console hands out."),
    (StorageType.SFTP, "path"): ("Folder", "It has to be there already. Without one, where the user begins."),
}
_KEPT = "Leave it empty to keep the one that is there."


class _HiddenText(forms.Textarea):
    """Takes a secret of several lines, and never writes it back onto the page."""

    input_type = None

    def format_value(self, value: object) -> str:
        return ""


def _text(label: str, help_text: str = "", *, placeholder: str = "") -> forms.CharField:
    attrs = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "placeholder": placeholder}
    return forms.CharField(label=label, help_text=help_text, required=False, widget=forms.TextInput(attrs=attrs))


def _secret(label: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, widget=widget, help_text="Nobody is shown it again.")


class StorageForm(ChangeForm):
    """A storage of one type."""

    app = forms.ModelChoiceField(
        queryset=App.objects.none(),
        empty_label=None,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one of your apps."),
    )
    # The service says what is missing, of all fields at once.
    name = forms.CharField(
        max_length=NAME_MAX_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "placeholder": "Films"}),
    )
    host = _text("Server", placeholder="sftp.example.com")
    port = forms.IntegerField(min_value=1, max_value=65_535, initial=22)
    endpoint = _text("API address", placeholder="https://s3.example.com")
    bucket = _text("Bucket", "It has to be there already.", placeholder="recordings")
    region = _text("Region", placeholder="eu-central-1")
    path = _text("Path", "Put before the names of recordings.", placeholder="shows")
    username = _text("User name")
    auth_method = forms.ChoiceField(label="Logs in with", choices=AuthMethod.choices, widget=forms.RadioSelect)
    access_key = _secret("Access key")
    secret = _secret("Secret")
    password = _secret("Password")
    private_key = forms.CharField(
        label="Private key",
        required=False,
        help_text="In OpenSSH's notation, without a passphrase. Nobody is shown it again.",
        widget=_HiddenText(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}),
    )
    is_default = forms.BooleanField(
        required=False,
        label="Keep all new recordings of the app here",
        help_text="Unless a livestream's settings, a meeting or a call say otherwise.",
    )
    host_key = _text("Host key", "The server's public key. Leave it empty to keep to the one that it shows first.")

    def __init__(
        self, values: QueryDict | None = None, *, type: str, initial: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(values, initial=dict(initial or {}))
        self.fields = {name: self.fields[name] for name in ("app", *_FIELDS[type], "is_default")}
        for name, field in self.fields.items():
            field.label, field.help_text = _WORDS.get((type, name), (field.label, field.help_text))

    @classmethod
    def new(cls, organization: Organization, values: QueryDict | None = None, *, type: str) -> "StorageForm":
        """Return the form of a storage that is to be added; it asks for an app where there are several."""
        form = cls(values, type=type, initial={"auth_method": AuthMethod.KEY})
        field = cast("forms.ModelChoiceField[App]", form.fields["app"])
        field.queryset = apps = list_apps(organization)
        offered = list(apps[:_APPS_OFFERED])
        field.choices = [(app.pk, app.name) for app in offered]
        form.initial["app"] = offered[0].pk
        if len(offered) == 1:
            field.required, field.disabled = False, True
        return form

    @classmethod
    def of(cls, target: StorageTarget, values: QueryDict | None = None) -> "StorageForm":
        """Return the form of a storage that is there: a secret that is left out stays."""
        shown = [name for name in (*_FIELDS[target.type], "is_default") if name not in SECRETS]
        form = cls(values, type=target.type, initial={name: getattr(target, name) for name in shown})
        del form.fields["app"]
        form.show_what_is_there()
        for name in SECRETS:
            if name in form.fields:
                form.fields[name].help_text, form.fields[name].show_hidden_initial = _KEPT, False
        return form

    def asks_for_app(self) -> bool:
        return "app" in self.fields and not self.fields["app"].disabled

    def asked(self) -> list[forms.BoundField]:
        """Return what is asked for beside the app, and whether it is the app's default."""
        return [self[name] for name in self.fields if name not in ("app", "is_default")]

    def chosen_app(self) -> App:
        """Return the app of the checked form of a new storage."""
        return cast(App, self.cleaned_data["app"])

    def values(self) -> StorageChanges:
        """Return what the checked form says of a new storage."""
        return cast(StorageChanges, {name: value for name, value in self.cleaned_data.items() if name != "app"})

    def changes(self) -> StorageChanges:
        """Return what the checked form says otherwise than it showed; an empty secret says nothing."""
        changed = {name: value for name, value in self.changed().items() if name not in SECRETS or value}
        return cast(StorageChanges, changed)
