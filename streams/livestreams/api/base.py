"""What all operations on livestreams share, whatever the dialect."""

from typing import cast

from livehub.api.views import ApiView
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey


class LivestreamsApi(ApiView):
    """Who calls, and what for."""

    tag = "Livestreams"
    read_scope = ApiKey.Scope.READ
    write_scope = ApiKey.Scope.LIVESTREAMS

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    @property
    def shows_secrets(self) -> bool:
        """Whoever may only read may not publish either, here or elsewhere."""
        return self.write_scope in self.caller.scopes
