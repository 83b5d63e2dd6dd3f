"""Keys: made, used, revoked; each is written down with who did it."""

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from livehub.core import clock
from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.models import ApiKey, AuditEntry, Member
from streams.organizations import selectors
from streams.organizations.credentials import authenticate_api_key, split_key
from streams.organizations.members import choose_organization
from streams.organizations.services import (
    Actor,
    NewOrganization,
    create_api_key,
    create_organization,
    revoke_api_key,
)


def _key(home: NewOrganization) -> ApiKey:
    return ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.BASIC)


class TestCreateOrganization:
    def test_makes_a_key_of_each_kind_at_once_and_writes_each_down(
        self, db: None, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(11):
            made = create_organization(name="Contoso", email="owner@contoso.example", password="another horse battery")

        keys = ApiKey.objects.filter(organization=made.organization).order_by("created_at")
        assert [key.kind for key in keys] == list(ApiKey.Kind)
        told = AuditEntry.objects.filter(organization=made.organization, action="api_key.created").order_by("id")
        assert [(entry.target_id, entry.detail["kind"]) for entry in told] == [(key.pk, key.kind) for key in keys]
        assert authenticate_api_key(split_key(made.api_token), kind="bearer", organization_id=made.organization.pk)


class TestCreateApiKey:
    def test_keeps_what_was_asked_for_and_who_asked(self, home: NewOrganization) -> None:
        expires_at = clock.now() + timedelta(days=1)

        key, _ = create_api_key(
            organization=home.organization,
            name="Booking system",
            kind=ApiKey.Kind.BEARER,
            app=home.app,
            scopes=[ApiKey.Scope.READ],
            expires_at=expires_at,
            actor=Actor(user=home.owner),
        )

        key.refresh_from_db()
        assert (key.name, key.kind, key.app) == ("Booking system", "bearer", home.app)
        assert (key.scopes, key.expires_at) == ([ApiKey.Scope.READ], expires_at)
        entry = AuditEntry.objects.get(action="api_key.created", target_id=key.pk)
        assert (entry.organization, entry.user, entry.api_key) == (home.organization, home.owner, None)
        reach = {"scopes": "read", "app": home.app.pk.hex, "expires_at": clock.isoformat(expires_at)}
        assert entry.detail == {"name": "Booking system", "kind": "bearer", **reach}

    def test_refuses_another_organizations_app(self, home: NewOrganization, abroad: NewOrganization) -> None:
        with pytest.raises(ValidationFailedError):
            create_api_key(
                organization=home.organization,
                name="Beyond",
                kind="basic",
                app=abroad.app,
                actor=Actor(user=home.owner),
            )

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [("name", ""), ("scopes", []), ("scopes", ["everything"]), ("expires_at", clock.now())],
    )
    def test_refuses_what_makes_no_key(self, home: NewOrganization, field: str, wrong: object) -> None:
        asked = {"organization": home.organization, "name": "Booking system", "kind": "basic", field: wrong}

        with pytest.raises(ValidationFailedError) as refusal:
            create_api_key(**asked, actor=Actor(user=home.owner))  # type: ignore[arg-type]  # One of them is wrong.

        assert list(refusal.value.fields) == [field]


class TestRevokeApiKey:
    def test_happens_once_and_is_the_first_ones(self, home: NewOrganization) -> None:
        first, second = Actor(user=home.owner), Actor(api_key=_key(home))

        revoke_api_key(api_key=_key(home), actor=first)
        revoked_at = _key(home).revoked_at
        revoke_api_key(api_key=_key(home), actor=second)

        assert revoked_at is not None
        assert _key(home).revoked_at == revoked_at
        entry = AuditEntry.objects.get(action="api_key.revoked")
        assert (entry.organization, entry.user, entry.target_id) == (home.organization, home.owner, _key(home).pk)


class TestAuthenticateApiKey:
    def test_writes_down_its_use_at_most_once_a_minute(self, home: NewOrganization, abroad: NewOrganization) -> None:
        first = self._use(home)
        again = self._use(home)
        ApiKey.objects.update(last_used_at=clock.now() - timedelta(minutes=2))
        much_later = self._use(home)

        assert first is not None
        assert again == first
        assert much_later is not None
        assert clock.now() - much_later < timedelta(minutes=1)
        # Nobody has used the other one meanwhile.
        assert clock.now() - (_key(abroad).last_used_at or clock.now()) > timedelta(minutes=1)

    def _use(self, home: NewOrganization) -> datetime | None:
        authenticate_api_key(split_key(home.api_key), kind="basic", organization_id=home.organization.pk)
        return _key(home).last_used_at


class TestFindMembership:
    def test_is_the_oldest_of_several(self, home: NewOrganization) -> None:
        create_organization(name="Second", email=home.owner.email)

        member = selectors.find_membership(home.owner)

        assert member is not None
        assert member.organization == home.organization
        assert selectors.find_memberships([home.owner.pk]) == {home.owner.pk: member}

    def test_is_the_one_chosen_last(self, home: NewOrganization) -> None:
        second = create_organization(name="Second", email=home.owner.email).organization
        for organization in (second, home.organization, second):
            chosen = Member.objects.get(user=home.owner, organization=organization)
            choose_organization(user=home.owner, member_id=chosen.pk)

            assert selectors.find_membership(home.owner) == chosen
            assert selectors.find_memberships([home.owner.pk]) == {home.owner.pk: chosen}

    def test_is_nobody_elses(self, home: NewOrganization, abroad: NewOrganization) -> None:
        theirs = Member.objects.get(user=abroad.owner)

        with pytest.raises(NotFoundError):
            choose_organization(user=home.owner, member_id=theirs.pk)
