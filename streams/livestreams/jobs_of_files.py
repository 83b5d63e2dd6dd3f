"""Work on a session's files goes to the nodes that have them: each has a queue of its own."""

from uuid import UUID

from livehub.core import jobs
from streams.livestreams.models import Session


def finish_playlists(session: Session) -> None:
    """Have players told that the session is over, when the transaction commits."""
    for node in session.file_nodes:
        jobs.enqueue("streams.finish_playlists", queue=queue_of(node), session_id=session.pk)


def remove_playback(livestream_id: UUID) -> None:
    """Have every file of a deleted livestream removed, when the transaction commits."""
    holders = Session.objects.filter(livestream=livestream_id).exclude(file_nodes=[])
    nodes = {node for held in holders.values_list("file_nodes", flat=True) for node in held}
    for node in sorted(nodes):
        jobs.enqueue("streams.remove_playback", queue=queue_of(node), livestream_id=livestream_id)


def remove_expired(node: str) -> None:
    """Have a node remove what it has of sessions whose retention time is over."""
    # The next call comes before this one would be of use.
    jobs.enqueue("streams.remove_expired_playback", queue=queue_of(node), expires_s=60)


def queue_of(node: str) -> str:
    """Return the queue that the worker on a node's files reads."""
    return f"files.{node}"
