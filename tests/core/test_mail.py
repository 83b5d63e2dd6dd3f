"""Mail: where it is handed in, said as one address, and handed in at a real server."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured

from livehub.core import env, mail
from livehub.core.env import MailServer
from streams.account import tasks
from streams.account.mail import invitation_link, reset_link
from streams.identity import passwords
from streams.models import Role
from streams.organizations import members
from streams.organizations.services import SYSTEM, Actor, NewOrganization
from tests.post_office import PostOffice, open_post_office, text_of


@pytest.fixture
def office(settings: LazySettings) -> Iterator[PostOffice]:
    with open_post_office() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = running.server_address[:2]
        settings.DEFAULT_FROM_EMAIL = "livehub@live.example.org"
        settings.MAIL_SERVER = object()
        yield running


class TestAddress:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("smtp://localhost", MailServer("localhost", 25, "", "", is_tls=False, is_starttls=False)),
            ("smtp://127.0.0.1:2525/", MailServer("127.0.0.1", 2525, "", "", is_tls=False, is_starttls=False)),
            (
                "smtps://a%40b.example:p%2Fw@mail.example",
                MailServer("mail.example", 465, "a@b.example", "p/w", is_tls=True, is_starttls=False),
            ),
            (
                "smtp+starttls://user:secret@mail.example",
                MailServer("mail.example", 587, "user", "secret", is_tls=False, is_starttls=True),
            ),
            ("", None),
        ],
    )
    def test_says_host_port_person_and_encryption(
        self, monkeypatch: pytest.MonkeyPatch, given: str, expected: MailServer | None
    ) -> None:
        monkeypatch.setitem(env.DECLARED, "X_MAIL", env.DECLARED["LIVEHUB_EMAIL_URL"])
        monkeypatch.setenv("X_MAIL", given)

        assert env.mail_server("X_MAIL", purpose="") == expected

    @pytest.mark.parametrize(
        "given", ["mail.example", "http://mail.example", "smtp://", "smtp://:secret@", "smtp://h:x"]
    )
    def test_is_refused_without_repeating_it(self, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
        monkeypatch.setitem(env.DECLARED, "X_MAIL", env.DECLARED["LIVEHUB_EMAIL_URL"])
        monkeypatch.setenv("X_MAIL", given)

        with pytest.raises(ImproperlyConfigured) as refusal:
            env.mail_server("X_MAIL", purpose="")

        assert "X_MAIL must look like" in str(refusal.value)
        assert "secret" not in str(refusal.value)


class TestMails:
    def test_an_invitation_says_who_invites_to_what_with_the_link(
        self, office: PostOffice, home: NewOrganization
    ) -> None:
        invitation = members.invite_member(
            organization=home.organization,
            email="new@northwind.example",
            role=Role.VIEWER,
            actor=Actor(user=home.owner),
        )

        tasks.mail_invitation(str(invitation.pk))

        message = office.only_mail()
        assert (message["To"], message["From"]) == ("new@northwind.example", "livehub@live.example.org")
        assert message["Subject"] == "Your invitation to Northwind Events"
        text = text_of(message)
        assert "owner@northwind.example invites you to Northwind Events on LiveHub, as viewer" in text
        assert invitation_link(invitation) in text

    def test_a_reset_has_the_link(self, office: PostOffice, home: NewOrganization) -> None:
        reset = passwords.make_reset(user=home.owner, actor=SYSTEM)

        tasks.mail_password_reset(str(reset.pk))

        assert office.only_mail()["To"] == home.owner.email
        assert reset_link(reset) in text_of(office.only_mail())

    def test_nothing_is_said_of_what_opens_nothing_any_more(self, office: PostOffice, home: NewOrganization) -> None:
        invitation = members.invite_member(
            organization=home.organization, email="new@northwind.example", role=Role.VIEWER, actor=SYSTEM
        )
        members.withdraw_invitation(invitation=invitation, actor=SYSTEM)
        reset = passwords.make_reset(user=home.owner, actor=SYSTEM)
        passwords.reset_password(reset_id=reset.pk, new="a quite different sentence")

        tasks.mail_invitation(str(invitation.pk))
        tasks.mail_password_reset(str(reset.pk))

        assert office.mails == []

    def test_a_server_that_is_away_is_said(self, settings: LazySettings, office: PostOffice) -> None:
        settings.EMAIL_PORT = 1

        with pytest.raises(OSError, match="refused"):
            mail.send(to="new@northwind.example", subject="x", text="x")
