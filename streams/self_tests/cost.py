"""What the self-test's broadcast takes of this machine, from one moment to another."""

from django.conf import settings

from streams.livestreams.models import Connection, Lease, Session
from streams.livestreams.selectors import list_loads
from streams.livestreams.storage import folder_name
from streams.media.tenure import find_children
from streams.self_tests.machine import Capacity, Usage, capacity_between, find_named, look


class BroadcastCost:
    """Looks at the processes of a session that is run, and at our own encoder, from now on."""

    def __init__(self, session: Session, *, encoder_pid: int) -> None:
        self._worker = session.lease.worker
        # What makes the renditions, and what pulls the stream from the ingest server.
        pulled = Connection.objects.filter(session=session.pk).latest("connected_at").pk.hex
        self._broadcast = [*find_children(folder_name(session.pk)), *find_named(pulled)]
        self._encoder_pid = encoder_pid
        self._before = self._look()

    @property
    def since_s(self) -> float:
        """When the first look was, by the monotonic clock."""
        return self._before.at_s

    def capacity(self) -> Capacity | None:
        """Return what was used until now, and is free; None where nothing was."""
        sharers = Lease.objects.filter(worker=self._worker).count()
        load = next((load for load in list_loads() if load.node == settings.NODE), None)
        # The self-test's own place is free again afterwards.
        taken = load.running + load.waiting - 1 if load else 0
        free_places = settings.LIVE_SLOTS - taken
        return capacity_between(self._before, self._look(), sharers=sharers, free_places=free_places)

    def _look(self) -> Usage:
        pid = int(self._worker.split(":")[1])
        return look(worker=pid, broadcast=self._broadcast, own=[self._encoder_pid])
