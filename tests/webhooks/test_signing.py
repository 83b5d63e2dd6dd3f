"""Headers that prove where a delivery comes from."""

import base64
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks import signing
from webhooks.secrets import make_secret

_BODY = '{"event":"livestream.live","name":"Café 🎥"}'.encode()
_DELIVERY, _ENDPOINT = uuid4(), uuid4()


def _headers(settings: Settings, *secrets: str, body: bytes = _BODY, delivery_id: UUID = _DELIVERY) -> dict[str, str]:
    return signing.headers_of(
        body=body,
        delivery_id=delivery_id,
        endpoint_id=_ENDPOINT,
        timestamp_s=int(datetime.now(UTC).timestamp()),
        secrets_=secrets,
        key=settings.WEBHOOK_SIGNING_KEY,
    )


class TestStandardWebhooks:
    def test_is_believed_by_the_package_of_that_name(self, settings: Settings) -> None:
        secret = make_secret()

        assert Webhook(secret).verify(_BODY, _headers(settings, secret))["event"] == "livestream.live"

    def test_is_believed_by_the_old_and_the_new_secret_during_a_rotation(self, settings: Settings) -> None:
        new, old = make_secret(), make_secret()

        headers = _headers(settings, new, old)

        Webhook(new).verify(_BODY, headers)
        Webhook(old).verify(_BODY, headers)
        first, _ = headers["webhook-signature"].split(" ")
        Webhook(new).verify(_BODY, {**headers, "webhook-signature": first})

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
    def test_holds_for_nothing_else(self, settings: Settings, name: str) -> None:
        secret = make_secret()
        headers = _headers(settings, secret)
        changed = {"webhook-id": str(uuid4()), "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}

        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(_BODY, {**headers, name: changed[name]})
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(_BODY + b" ", headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(make_secret()).verify(_BODY, headers)


class TestVendors:
    @pytest.mark.parametrize("vendor", ["dyte", "rtk"])
    def test_is_believed_by_whoever_has_the_published_key(self, settings: Settings, vendor: str) -> None:
        answer = Client().get("/.well-known/webhooks.json")
        assert (answer.status_code, answer.json()["success"], answer.json()["message"]) == (200, True, "")
        key = load_pem_public_key(answer.json()["data"]["publicKey"].encode())
        assert isinstance(key, RSAPublicKey)

        headers = _headers(settings, make_secret())

        signature = base64.b64decode(headers[f"{vendor}-signature"])
        key.verify(signature, _BODY, PKCS1v15(), SHA256())
        with pytest.raises(InvalidSignature):
            key.verify(signature, _BODY + b" ", PKCS1v15(), SHA256())
        assert headers[f"{vendor}-uuid"] == headers["webhook-id"] == str(_DELIVERY)
        assert headers[f"{vendor}-webhook-id"] == str(_ENDPOINT)

    def test_signs_each_body_by_itself(self, settings: Settings) -> None:
        one, other = (_headers(settings, make_secret(), body=body) for body in (b"{}", b"[]"))

        assert one["dyte-signature"] != other["dyte-signature"]

    def test_says_that_a_key_is_none(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="LIVEHUB_WEBHOOK_SIGNING_KEY"):
            signing.public_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
