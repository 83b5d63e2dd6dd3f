"""What every row has that stands for a file on its way to a store."""

from django.db import models

from livehub.core import crypto


class Uploaded(models.Model):
    """A row whose file goes to its store in one upload."""

    # With some stores, who knows it may write.
    upload_token_encrypted = models.TextField(blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def upload_token(self) -> str:
        """What the store calls its upload; empty before it has begun."""
        return crypto.decrypt(self.upload_token_encrypted) if self.upload_token_encrypted else ""

    @upload_token.setter
    def upload_token(self, token: str) -> None:
        self.upload_token_encrypted = crypto.encrypt(token) if token else ""
