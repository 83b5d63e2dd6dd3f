"""Reads of self-tests."""

from uuid import UUID

from django.db.models import QuerySet

from livehub.core.errors import NotFoundError
from streams.organizations.models import Organization
from streams.organizations.selectors import is_alone
from streams.self_tests.models import SelfTest


def list_self_tests() -> QuerySet[SelfTest]:
    """Return those that are kept, the newest first."""
    return SelfTest.objects.order_by("-created_at", "-id")


def find_newest() -> SelfTest | None:
    """Return the one that was started last."""
    return list_self_tests().first()


def get_self_test(self_test_id: UUID, *, organization: Organization) -> SelfTest:
    """Return a self-test of an instance that this organization has for itself.

    :raises NotFoundError: when there is none, or none any more (the newest fifty are kept), or it is for others too.
    """
    found = SelfTest.objects.filter(pk=self_test_id).first()
    if found is None or not is_alone(organization):
        raise NotFoundError(f"No self-test {self_test_id}. The newest fifty are kept.")
    return found
