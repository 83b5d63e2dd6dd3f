"""Support staff's view of storages."""

from django.test import Client
from django.urls import reverse

from streams.organizations.services import NewOrganization
from tests.stores.storages import storage_of


def test_a_storage_is_found_and_shows_no_secret(desk: Client, home: NewOrganization) -> None:
    target = storage_of(home.app)

    found = desk.get(reverse("admin:streams_storagetarget_changelist"), {"q": "films"}).context["cl"].result_list
    page = desk.get(reverse("admin:streams_storagetarget_change", args=[target.pk])).content.decode()

    assert list(found) == [target]
    assert "Kept, and shown to nobody" in page
    for secret in (*target.secrets.values(), target.secrets_encrypted):
        assert secret not in page
