"""Tokens: who made them is told by the signature, whether they still open anything by the participant."""

from collections.abc import Callable
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from livehub.core import clock
from streams.meetings.selectors import get_participant_by_token
from streams.meetings.services.participants import change_participant, delete_participant, renew_token
from streams.meetings.tokens import ParticipantTokenRejectedError, make_token, public_keys, read_token
from streams.models import Participant
from streams.organizations.services import SYSTEM, NewOrganization

Attack = Callable[[str, Participant], str]


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def another_key() -> str:
    return _pem(generate_private_key(public_exponent=65_537, key_size=2048))


class TestToken:
    def test_says_what_the_vendors_tokens_say(self, mary: Participant, home: NewOrganization) -> None:
        token = make_token(mary)

        claims = jwt.decode(token, options={"verify_signature": False})
        expected = {
            "orgId": str(home.organization.pk),
            "meetingId": str(mary.meeting_id),
            "participantId": str(mary.pk),
            "presetId": str(mary.preset_id),
        }
        assert expected.items() <= claims.items()
        assert claims["exp"] - claims["iat"] == 8_640_000
        assert abs(claims["iat"] - clock.now().timestamp()) < 60
        header = jwt.get_unverified_header(token)
        assert (header["alg"], header["typ"]) == ("RS256", "JWT")

    def test_is_checked_with_the_published_keys_alone(self, mary: Participant) -> None:
        response = Client().get("/.well-known/jwks.json")
        token = make_token(mary)

        keys = jwt.PyJWKSet.from_dict(response.json())
        key = keys[jwt.get_unverified_header(token)["kid"]]

        assert jwt.decode(token, key, algorithms=["RS256"])["participantId"] == str(mary.pk)
        assert response.headers["Content-Type"] == "application/json"
        assert "private" not in response.content.decode().lower()
        assert {name for published in response.json()["keys"] for name in published} == {
            *("alg", "e", "kid", "kty", "n", "use")
        }

    def test_opens_the_meeting_to_its_participant(self, mary: Participant) -> None:
        assert get_participant_by_token(make_token(mary)) == mary

    def test_stays_good_when_another_one_is_made(self, mary: Participant) -> None:
        first = make_token(mary)

        second = renew_token(participant=mary, revokes_earlier=False, actor=SYSTEM)
        change_participant(participant=mary, changes={"name": "Mary"}, actor=SYSTEM)

        assert get_participant_by_token(first) == get_participant_by_token(second) == mary

    def test_opens_nothing_once_it_is_revoked(self, mary: Participant) -> None:
        first = make_token(mary)

        second = renew_token(participant=mary, revokes_earlier=True, actor=SYSTEM)

        with pytest.raises(ParticipantTokenRejectedError):
            get_participant_by_token(first)
        assert get_participant_by_token(second) == mary

    def test_opens_nothing_once_its_participant_is_deleted(self, mary: Participant) -> None:
        token = make_token(mary)

        delete_participant(participant=mary, actor=SYSTEM)

        with pytest.raises(ParticipantTokenRejectedError):
            get_participant_by_token(token)


def _expired(token: str, mary: Participant) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    past = {**claims, "exp": int((clock.now() - timedelta(seconds=1)).timestamp())}
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(past, django_settings.PARTICIPANT_KEYS, algorithm="RS256", headers={"kid": kid})


def _signed_with_the_public_key(token: str, mary: Participant) -> str:
    """The classic: the public key taken for the secret of a symmetric algorithm."""
    claims = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    public = str(public_keys()["keys"])
    return jwt.encode(claims, public, algorithm="HS256", headers={"kid": kid})


def _unsigned(token: str, mary: Participant) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def _of_another_key(token: str, mary: Participant) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    key = generate_private_key(public_exponent=65_537, key_size=2048)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def _changed(token: str, mary: Participant) -> str:
    head, _, signature = token.split(".")
    other = jwt.encode({"participantId": "x"}, "x" * 32, algorithm="HS256").split(".")[1]
    return f"{head}.{other}.{signature}"


@pytest.mark.parametrize(
    "attack",
    [_expired, _signed_with_the_public_key, _unsigned, _of_another_key, _changed, lambda *_: "", lambda *_: "a.b.c"],
)
def test_a_forged_token_is_rejected(attack: Attack, mary: Participant) -> None:
    with pytest.raises(ParticipantTokenRejectedError):
        read_token(attack(make_token(mary), mary))


class TestKeys:
    def test_of_before_stay_good_while_they_are_named(
        self, mary: Participant, settings: Settings, another_key: str
    ) -> None:
        before = make_token(mary)

        settings.PARTICIPANT_KEYS = f"{another_key}\n{settings.PARTICIPANT_KEYS}"
        after = make_token(mary)

        assert read_token(before).participant_id == read_token(after).participant_id == mary.pk
        assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
        assert len(Client().get("/.well-known/jwks.json").json()["keys"]) == 2

    def test_that_are_named_no_more_open_nothing(self, mary: Participant, settings: Settings, another_key: str) -> None:
        before = make_token(mary)

        settings.PARTICIPANT_KEYS = another_key

        with pytest.raises(ParticipantTokenRejectedError):
            read_token(before)

    @pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
    def test_that_are_none_stop_the_work(self, mary: Participant, settings: Settings, text: str) -> None:
        settings.PARTICIPANT_KEYS = text

        with pytest.raises(ImproperlyConfigured):
            make_token(mary)
