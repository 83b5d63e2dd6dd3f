"""Where a livestream is fetched from: said, changed, and what follows for what is being fetched."""

from typing import TypedDict

from livehub.core import clock, crypto, jobs
from livehub.core.errors import ValidationFailedError
from streams.livestreams import node_jobs
from streams.livestreams.models import Connection, Livestream, PullSource
from streams.livestreams.states import PullState
from streams.media.pulling.source import HIDDEN, InvalidSourceError, PullUrl


class PullChange(TypedDict, total=False):
    """What is to become of a pull; whatever is left out stays. No `url` takes it away."""

    enabled: bool
    url: str | None


def set_pull(livestream: Livestream, change: PullChange) -> dict[str, object]:
    """Change where a locked livestream is fetched from; return what of it is to be written down, empty for nothing new.

    What was being fetched ends, unless it stays what it was. An address as it is answered, without its credentials,
    stands for the one that is kept. Asking for a pull again that was given up, or has come to its end, begins it anew.

    :raises ValidationFailedError: when the address cannot be used, or is missing.
    """
    present = PullSource.objects.select_for_update().filter(livestream=livestream).first()
    url = _wanted_url(present, change)
    if url is None:
        if change.get("enabled"):
            raise _refusal("Give the address of the source as well.")
        return _take_away(livestream, present)
    enabled = change.get("enabled", present.enabled if present else True)
    is_same_url = present is not None and present.url == url
    if present is not None and is_same_url and present.enabled == enabled and not (enabled and present.is_given_up):
        livestream.pull_source = present
        return {}
    pull = present or PullSource(livestream=livestream)
    pull.url_encrypted = pull.url_encrypted if is_same_url else crypto.encrypt(url.text)
    pull.enabled, pull.revision = enabled, pull.revision + 1
    pull.state = PullState.STARTING if enabled else PullState.IDLE
    pull.reason, pull.tries, pull.since, pull.finished_at = "", 0, clock.now(), None
    pull.save()
    livestream.pull_source = pull
    _cut(livestream)
    if enabled:
        call_for(pull)
    return {"enabled": enabled, "url": url.masked}


def call_for(pull: PullSource) -> None:
    """Have a worker fetch it when the transaction commits, if nobody does."""
    jobs.enqueue("streams.run_pull", livestream_id=pull.pk)


def _wanted_url(present: PullSource | None, change: PullChange) -> PullUrl | None:
    if "url" not in change:
        return present.url if present else None
    text = (change["url"] or "").strip()
    if present is not None and text == present.masked_url:
        return present.url
    if HIDDEN in text:
        raise _refusal("Give the address whole, with what stands behind the asterisks.")
    try:
        return PullUrl.parse(text) if text else None
    except InvalidSourceError as error:
        raise _refusal(str(error)) from error


def _take_away(livestream: Livestream, present: PullSource | None) -> dict[str, object]:
    if present is None:
        return {}
    present.delete()
    PullSource.note_none(livestream)
    _cut(livestream)
    return {"enabled": False, "url": None}


def _cut(livestream: Livestream) -> None:
    """Have what is fetched now cut, whoever fetches it; its worker notices by itself a moment later."""
    theirs = Connection.objects.filter(session__livestream=livestream, disconnected_at=None)
    for connection in theirs.filter(stream_key__is_for_pull=True):
        node_jobs.drop_encoder(connection)


def _refusal(complaint: str) -> ValidationFailedError:
    return ValidationFailedError("The source cannot be fetched.", fields={"pull": [complaint]})
