"""What all operations on figures share."""

from collections.abc import Mapping
from typing import cast

from rest_framework import serializers

from livehub.api.errors import InvalidQueryError
from livehub.api.views import ApiView
from livehub.core.errors import ValidationFailedError
from streams.organizations.authentication import Caller
from streams.organizations.models import ApiKey

UNACCEPTABLE = {422: "The range, or another parameter, is not acceptable; `fields` names every complaint."}


class AnalyticsApi(ApiView):
    """Knows who asks; a query that makes no sense is the client's input like any other."""

    tag = "Analytics"
    read_scope = ApiKey.Scope.READ
    write_scope = ApiKey.Scope.READ

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    def read_query(self, query: type[serializers.Serializer[None]], **context: object) -> Mapping[str, object]:
        """Return the query string's parameters, checked.

        :raises ValidationFailedError: when any of them is not acceptable.
        """
        try:
            return super().read_query(query, **context)
        except InvalidQueryError as error:
            raise ValidationFailedError(error.message, fields=error.fields) from error
