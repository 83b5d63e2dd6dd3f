"""What shows who somebody is: log-ins, second factors, and links that give a new password."""

import uuid
from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from livehub.core import crypto
from streams.organizations.models import User


class LogIn(AbstractBaseSession):
    """A browser's session; with a person, it is a log-in that they can see and end.

    One row for both, so that there is no log-in whose session has gone on, and none that is missing from the list.
    """

    # None: somebody between password and code, or nobody yet.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="log_ins", null=True)
    # As it announces itself.
    browser = models.CharField(max_length=255, blank=True)
    address = models.GenericIPAddressField(null=True)
    since = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"log-in of {self.user_id} since {self.since:%Y-%m-%d %H:%M}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        # By its name: it needs this model.
        store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
        return store

    @property
    def public_id(self) -> uuid.UUID:
        """What pages call it: its key is the browser's credential."""
        return public_id_of(self.session_key)


def public_id_of(session_key: str) -> uuid.UUID:
    """Return the name of a log-in from which its key cannot be found."""
    return uuid.UUID(crypto.lookup_digest(f"log-in {session_key}")[:32])


class SecondFactor(models.Model):
    """A person's authenticator app; it counts from the first code on that was right."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor", primary_key=True)
    encrypted = models.TextField(editable=False)
    confirmed_at = models.DateTimeField(null=True)
    # Of the last code that was taken, in steps of 30 s since 1970: none is taken twice.
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"


class RecoveryCode(models.Model):
    """Stands in for a code of the app, once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    second_factor = models.ForeignKey(SecondFactor, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["second_factor", "digest"], name="recovery_code_once"),
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.second_factor_id}"


class PasswordReset(models.Model):
    """A link with which a person sets a new password, once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_resets")
    # An owner who hands the link over; None when it was asked for on the log-in page, or made by a command.
    made_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", null=True)
    # For somebody who has lost phone and recovery codes.
    drops_second_factor = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"password reset of {self.user_id}"

    def is_usable(self, *, at: datetime) -> bool:
        """Tell whether the link opens anything at that moment."""
        return self.used_at is None and at < self.expires_at
