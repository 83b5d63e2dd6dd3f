"""GET /.well-known/jwks.json: the keys that participants' tokens can be checked with."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from streams.meetings.tokens import public_keys

# After a change of keys, tokens of the new one are turned away for as long as somebody keeps the old set.
_MAX_AGE_S = 300


@require_safe
def published_keys(request: HttpRequest) -> JsonResponse:
    """Answer everybody with RFC 7517's set."""
    return JsonResponse(public_keys(), headers={"Cache-Control": f"public, max-age={_MAX_AGE_S}"})
