"""GET /.well-known/webhooks.json: the key that the vendors' signatures can be checked with."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from webhooks import signing

# After a change of the key, deliveries are turned away for as long as somebody keeps the old one.
_MAX_AGE_S = 300


@require_safe
def published_key(request: HttpRequest) -> JsonResponse:
    """Answer everybody. Source: Dyte v2, Webhooks."""
    body = {"success": True, "data": {"publicKey": signing.public_key(settings.WEBHOOK_SIGNING_KEY)}, "message": ""}
    return JsonResponse(body, headers={"Cache-Control": f"public, max-age={_MAX_AGE_S}"})
