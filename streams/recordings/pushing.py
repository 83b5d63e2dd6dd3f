"""Sending what is recorded to another platform for as long as it is: a simulcast of its livestream."""

from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from livehub.core.errors import NotFoundError, ValidationFailedError
from streams.livestreams.models import Livestream, Output
from streams.livestreams.outputs import NewOutput, check_output, create_output, delete_output
from streams.livestreams.states import OutputType
from streams.organizations.services import SYSTEM, Actor
from streams.recordings.models import Recording

_NAME = "Recording"


def check_push(url: str, *, field: str) -> None:
    """Accept an address that a simulcast can have.

    :raises ValidationFailedError: names the field when it cannot.
    """
    try:
        check_output(_output_of(url))
    except ValidationFailedError as error:
        raise ValidationFailedError(
            error.message, fields={field: [text for said in error.fields.values() for text in said]}
        ) from error


def push(livestream: Livestream, *, url: str, actor: Actor) -> Output | None:
    """Return a new simulcast of a locked livestream; None where it is sent there already.

    :raises OutputExistsError: when it has one to there that is off.
    :raises TooManyOutputsError: when it has enough of them.
    """
    new = _output_of(url)
    there = Output(livestream=livestream, type=new.type, uri=new.uri)
    there.stream_key = new.stream_key
    same = Output.objects.filter(livestream=livestream, uri=there.uri, stream_key_digest=there.stream_key_digest)
    if same.filter(enabled=True).exists():
        return None
    return create_output(livestream=livestream, new=new, actor=actor)


def unpush(recording: Recording) -> None:
    """Take the simulcast of a recording that is over away, when the transaction commits; else the sweep does."""
    if recording.push_id is not None:
        recording_id = recording.pk
        # Livestreams are locked before their recordings are.
        transaction.on_commit(lambda: end_push(recording_id=recording_id), robust=True)


def end_push(*, recording_id: UUID) -> None:
    """Take away the simulcast of a recording that is over."""
    recording = Recording.objects.select_related("push__livestream").filter(pk=recording_id).exclude(push=None).first()
    if recording is None or recording.push is None or recording.is_active:
        return
    try:
        delete_output(livestream=recording.push.livestream, output_id=recording.push.pk, actor=SYSTEM)
    except NotFoundError:
        # With its livestream, or by hand.
        Recording.objects.filter(pk=recording_id).update(push=None)


def _output_of(url: str) -> NewOutput:
    """Return the simulcast to an address whose last part is the platform's key."""
    place, mark, query = url.partition("?")
    server, _, key = place.rpartition("/")
    if urlsplit(place).path.count("/") < 2:
        return NewOutput(type=OutputType.SIMULCAST, name=_NAME, uri=url)
    return NewOutput(type=OutputType.SIMULCAST, name=_NAME, uri=server, stream_key=f"{key}{mark}{query}")
