"""Work that only one node can do, since it has the encoder or the files: each node has queues of its own."""

from uuid import UUID

from livehub.core import jobs
from livehub.core.jobs import queue_of
from streams.livestreams.models import Connection, Session

# One of each kind that is called regularly: where they come together, neither is to keep the other away.
_CALLS_AT_ONCE = 2


def run_session(session_id: UUID, *, node: str) -> None:
    """Have the node that takes the encoder in run its session, when the transaction commits."""
    jobs.enqueue("streams.run_session", queue=queue_of("live", node=node), session_id=session_id)


def run_waiting(session_ids: list[UUID], *, node: str) -> None:
    """Have a node run sessions that nobody runs, unless as many messages lie in its queue already.

    When all its slots are full, or it is gone, nobody takes them: more of them would help nobody.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    if jobs.count_waiting(queue_of("live", node=node)) < len(session_ids):
        for session_id in session_ids:
            run_session(session_id, node=node)


def drop_encoder(connection: Connection) -> None:
    """Have an encoder cut whose session is over, when the transaction commits."""
    queue = queue_of("urgent", node=connection.node)
    jobs.enqueue("streams.drop_encoder", queue=queue, node=connection.node, name=connection.pk.hex)


def finish_playlists(session: Session) -> None:
    """Have players told that the session is over, when the transaction commits."""
    for node in session.file_nodes:
        jobs.enqueue("streams.finish_playlists", queue=queue_of("files", node=node), session_id=session.pk)


def remove_playback(livestream_id: UUID) -> None:
    """Have every file of a deleted livestream removed, when the transaction commits."""
    holders = Session.objects.filter(livestream=livestream_id).exclude(file_nodes=[])
    nodes = {node for held in holders.values_list("file_nodes", flat=True) for node in held}
    for node in sorted(nodes):
        jobs.enqueue("streams.remove_playback", queue=queue_of("files", node=node), livestream_id=livestream_id)


def keep_up_playback(node: str) -> None:
    """Have a node look after what it has of sessions that are over, unless it has not come to other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    _call_files_worker("streams.keep_up_playback", node=node)


def guard_disk(node: str) -> None:
    """Have a node look at its disk, unless it has not come to other work.

    :raises BrokerUnavailableError: when nobody can tell.
    """
    _call_files_worker("streams.guard_disk", node=node)


def _call_files_worker(task_name: str, *, node: str) -> None:
    queue = queue_of("files", node=node)
    if jobs.count_waiting(queue) < _CALLS_AT_ONCE:
        jobs.enqueue(task_name, queue=queue)
