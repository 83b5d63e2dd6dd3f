"""Encoders that were turned away before anybody could tell whose they are."""

from django.db import models


class UnknownKeyTries(models.Model):
    """How often an address has tried stream keys that nobody has: one row an address, for about an hour.

    Which keys it tried is not kept: a mistyped one is nearly a real one.
    """

    # Of IPv6 the network: whoever has one address of it has all.
    address = models.GenericIPAddressField(primary_key=True, editable=False)
    tries = models.PositiveIntegerField(default=0, editable=False)
    first_at = models.DateTimeField(editable=False)
    last_at = models.DateTimeField(editable=False)

    class Meta:
        indexes = [
            # Who tried lately, and who has not for so long that it can be forgotten.
            models.Index(fields=["last_at"], name="unknown_key_tries_last"),
        ]

    def __str__(self) -> str:
        return f"{self.address}: {self.tries}"
