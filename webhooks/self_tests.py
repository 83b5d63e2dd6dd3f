"""What a self-test asks of us: whether its broadcast's event has been written down, told by who delivers such."""

from uuid import UUID

from streams.self_tests.models import SelfTest
from streams.self_tests.services import note_outbox
from webhooks.models import Event

_TYPE = "livestream.live"


def answer(self_test_id: UUID) -> None:
    """Look in the outbox for the event of its broadcast, and tell the self-test; one that is over is told nothing."""
    self_test = SelfTest.objects.select_related("livestream").filter(pk=self_test_id).first()
    if self_test is None or self_test.livestream is None:
        return
    livestream = self_test.livestream
    events = Event.objects.filter(app=livestream.app_id, type=_TYPE, subject_id=livestream.pk)
    note_outbox(self_test_id=self_test_id, is_there=events.exists())
