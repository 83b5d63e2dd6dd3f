"""What viewers have watched is added to sessions."""

from uuid import uuid4

import pytest

from streams.livestreams.viewing import add_watched
from streams.models import Livestream, Session

pytestmark = pytest.mark.django_db


def test_what_was_watched_adds_up_and_nothing_else_changes(livestream: Livestream) -> None:
    session = Session.objects.create(livestream=livestream)
    before = session.updated_at

    add_watched({session.pk: 1_999, uuid4(): 5_000})
    add_watched({session.pk: 500})

    session.refresh_from_db()
    assert (session.viewer_ms, session.viewer_seconds, session.updated_at) == (2_499, 2, before)
