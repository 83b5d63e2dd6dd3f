"""Work on a session's files goes to the nodes that have them: each has a queue of its own."""

from collections.abc import Iterable
from uuid import UUID

from livehub.core import jobs
from streams.livestreams.models import Session


def finish_playlists(session: Session) -> None:
    """Have players told that the session is over, when the transaction commits."""
    _enqueue("streams.finish_playlists", session.file_nodes, session_id=session.pk)


def remove_playback(livestream_id: UUID) -> None:
    """Have every file of a deleted livestream removed, when the transaction commits."""
    holders = Session.objects.filter(livestream=livestream_id).exclude(file_nodes=[])
    nodes = {node for held in holders.values_list("file_nodes", flat=True) for node in held}
    _enqueue("streams.remove_playback", sorted(nodes), livestream_id=livestream_id)


def _enqueue(task_name: str, nodes: Iterable[str], **ids: UUID) -> None:
    for node in nodes:
        jobs.enqueue(task_name, queue=f"files.{node}", **ids)
