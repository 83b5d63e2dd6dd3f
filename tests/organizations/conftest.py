"""Members of any role, and an invitation."""

from collections.abc import Callable

import pytest

from streams.models import Invitation, Member, Role, User
from streams.organizations import members
from streams.organizations.services import Actor, NewOrganization

PASSWORD = "a quite different sentence"


@pytest.fixture
def join(home: NewOrganization) -> Callable[[str], Member]:
    """Make a person of some role a member."""

    def make(role: str) -> Member:
        number = User.objects.count()
        user = User.objects.create_user(f"{role}{number}@northwind.example", PASSWORD)
        return Member.objects.create(organization=home.organization, user=user, role=role)

    return make


@pytest.fixture
def invitation(home: NewOrganization) -> Invitation:
    return members.invite_member(
        organization=home.organization, email="new@northwind.example", role=Role.OPERATOR, actor=Actor(user=home.owner)
    )
