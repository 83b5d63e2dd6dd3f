"""What programs change is written down as theirs, in both dialects; what they only try is not."""

import pytest

from streams.livestreams.services import disable_livestream
from streams.models import ApiKey, AuditEntry, Livestream
from streams.organizations.services import SYSTEM, NewOrganization
from tests.api.clients import ApiClient

CHANGES = [
    ("PUT", "/disable", None, "livestream.disabled"),
    ("PUT", "/enable", None, "livestream.enabled"),
    ("POST", "/reset-stream-key", None, "livestream.stream_key_reset"),
    ("PATCH", "", {"name": "Winter keynote"}, "livestream.renamed"),
    ("DELETE", "", None, "livestream.deleted"),
]


@pytest.mark.parametrize(("method", "path", "body", "action"), CHANGES, ids=[change[3] for change in CHANGES])
def test_change_is_the_keys(
    dyte: ApiClient, livestream: Livestream, home: NewOrganization, method: str, path: str, body: object, action: str
) -> None:
    if action == "livestream.enabled":
        disable_livestream(livestream=livestream, actor=SYSTEM)
    before = set(AuditEntry.objects.values_list("pk", flat=True))

    assert dyte.request(method, f"/livestreams/{livestream.pk}{path}", body=body).status_code == 200

    entry = AuditEntry.objects.exclude(pk__in=before).get()
    assert (entry.action, entry.target_id, entry.organization) == (action, livestream.pk, home.organization)
    key = ApiKey.objects.get(organization=home.organization, kind=ApiKey.Kind.BASIC)
    assert (entry.user, entry.api_key, entry.address) == (None, key, "127.0.0.1")


@pytest.mark.parametrize(("method", "path", "body", "action"), CHANGES, ids=[change[3] for change in CHANGES])
def test_attempt_on_anothers_livestream_is_not(
    dyte: ApiClient, foreign_livestream: Livestream, method: str, path: str, body: object, action: str
) -> None:
    before = AuditEntry.objects.count()

    assert dyte.request(method, f"/livestreams/{foreign_livestream.pk}{path}", body=body).status_code == 404

    assert AuditEntry.objects.count() == before
