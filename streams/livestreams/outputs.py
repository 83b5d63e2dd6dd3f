"""Where a livestream's broadcasts go: adding, changing and taking away outputs.

Each locks the livestream first, so that of two equal ones added at the same moment the second is refused in words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from livehub.core import clock, events
from livehub.core.errors import DomainError, NotFoundError, ValidationFailedError
from livehub.core.names import check_name
from streams.livestreams import push_states
from streams.livestreams.events import OutputChanged, OutputCreated, OutputDeleted, OutputEvent
from streams.livestreams.locks import lock_livestream
from streams.livestreams.models import Livestream, Output
from streams.livestreams.models.output import KEY_MAX_LENGTH, URI_MAX_LENGTH, VENDOR_MAX_LENGTH, default_public_id
from streams.livestreams.selectors import get_output
from streams.livestreams.states import OutputType, SimulcastState
from streams.organizations.services import Actor, record

MOST_SIMULCASTS = 50
_SCHEMES = frozenset({"rtmp", "rtmps"})
# No picture is taller.
_MOST_LINES = 4320
_SAVED = [
    *("name", "uri", "enabled", "most_lines", "stream_key_encrypted", "stream_key_digest", "public_id", "updated_at"),
]
# What only one type has.
_OWN = {
    "uri": OutputType.SIMULCAST,
    "stream_key": OutputType.SIMULCAST,
    "vendor": OutputType.SIMULCAST,
    "most_lines": OutputType.SIMULCAST,
    "public_id": OutputType.ARCHIVE,
}


class OutputExistsError(DomainError):
    """The livestream has its one HLS output or archive already, or sends to this address already."""

    code = "output_exists"
    http_status = 400


class TooManyOutputsError(DomainError):
    """The livestream sends to as many places as it may."""

    code = "too_many_outputs"
    http_status = 400


class LivestreamActiveError(DomainError):
    """A broadcast is going on, or is about to begin."""

    code = "livestream_active"
    http_status = 400


class NothingToRetryError(DomainError):
    """The simulcast does not wait for its next try."""

    code = "nothing_to_retry"
    http_status = 409


class OutputChanges(TypedDict, total=False):
    """What can be changed; whatever is left out stays. Type and vendor are what they were."""

    name: str
    uri: str
    stream_key: str
    public_id: str
    enabled: bool
    most_lines: int


@dataclass(frozen=True, kw_only=True)
class NewOutput:
    """What an output is to be; of `uri`, `stream_key` and `public_id` only what its type has."""

    type: str
    name: str = ""
    uri: str = ""
    stream_key: str = ""
    public_id: str = ""
    vendor: str = ""
    enabled: bool = True
    most_lines: int = 0

    @property
    def values(self) -> OutputChanges:
        return {
            "name": self.name,
            "uri": self.uri,
            "stream_key": self.stream_key,
            "public_id": self.public_id,
            "enabled": self.enabled,
            "most_lines": self.most_lines,
        }


@transaction.atomic
def create_output(
    *,
    livestream: Livestream,
    new: NewOutput,
    actor: Actor,
    must_be_idle: bool = False,
    one_per_uri: bool = False,
) -> Output:
    """Add an output.

    :raises NotFoundError: when the livestream is deleted.
    :raises LivestreamActiveError: when it has to be idle, and is not.
    :raises ValidationFailedError: when a value cannot be used; names all that cannot.
    :raises OutputExistsError: when there may be no second one like it.
    :raises TooManyOutputsError: when the livestream has enough simulcasts.
    """
    livestream = _lock(livestream, must_be_idle=must_be_idle)
    output = Output(livestream=livestream, type=new.type, vendor=new.vendor)
    _put(output, new.values)
    if output.is_simulcast and not output.enabled:
        output.push_state = SimulcastState.DISABLED
    _check_count(output)
    _check_only(output, one_per_uri=one_per_uri)
    output.save(force_insert=True)
    _tell(output, OutputCreated, action="output.created", actor=actor)
    return output


def check_output(new: NewOutput) -> None:
    """Accept what an output can be like.

    :raises ValidationFailedError: when a value cannot be used; names all that cannot.
    """
    _put(Output(type=new.type, vendor=new.vendor), new.values)


@transaction.atomic
def change_output(
    *,
    livestream: Livestream,
    output_id: UUID,
    actor: Actor,
    must_be_idle: bool = False,
    one_per_uri: bool = False,
    is_told_key: bool = False,
    **changes: Unpack[OutputChanges],
) -> Output:
    """Change an output, and return it.

    Whoever is not told the key that is kept cannot have it sent to another server either.

    :raises NotFoundError: when the livestream is deleted, or has no such output.
    :raises LivestreamActiveError: when it has to be idle, and is not.
    :raises ValidationFailedError: when a value cannot be used; names all that cannot.
    :raises OutputExistsError: when another simulcast goes there already.
    """
    livestream = _lock(livestream, must_be_idle=must_be_idle)
    output = get_output(livestream=livestream, output_id=output_id)
    if changes:
        if not is_told_key:
            _check_key_stays(output, changes)
        was_enabled = output.enabled
        _put(output, changes)
        _check_only(output, one_per_uri=one_per_uri)
        # How far a simulcast is, others write.
        output.save(update_fields=_SAVED)
        _tell(output, OutputChanged, action="output.changed", actor=actor, changed=sorted(changes))
        if output.is_simulcast and output.enabled != was_enabled:
            push_states.switch(output, actor=actor)
    return output


@transaction.atomic
def retry_output(*, livestream: Livestream, output_id: UUID, actor: Actor) -> Output:
    """Have a simulcast tried again at once, instead of when its time has come; return it.

    :raises NotFoundError: when the livestream is deleted, or has no such simulcast.
    :raises NothingToRetryError: when nothing is on air, or it is off, or takes the broadcast.
    """
    livestream = _lock(livestream, must_be_idle=False)
    output = get_output(livestream=livestream, output_id=output_id)
    if not output.is_simulcast:
        raise NotFoundError(f"Output {output_id} is no simulcast.")
    if not output.can_be_retried:
        raise NothingToRetryError("This simulcast is not being waited for. Look at its state.")
    output.retry_asked_at = clock.now()
    output.save(update_fields=["retry_asked_at"])
    record(
        organization=livestream.app.organization,
        actor=actor,
        action="output.retried",
        target=output,
        livestream=str(livestream.pk),
        name=output.name,
    )
    return output


@transaction.atomic
def delete_output(*, livestream: Livestream, output_id: UUID, actor: Actor, must_be_idle: bool = False) -> None:
    """Take an output away, with its key.

    :raises NotFoundError: when the livestream is deleted, or has no such output.
    :raises LivestreamActiveError: when it has to be idle, and is not.
    """
    livestream = _lock(livestream, must_be_idle=must_be_idle)
    output = get_output(livestream=livestream, output_id=output_id)
    _tell(output, OutputDeleted, action="output.deleted", actor=actor)
    output.delete()


def _lock(livestream: Livestream, *, must_be_idle: bool) -> Livestream:
    livestream = lock_livestream(livestream.pk)
    if must_be_idle and livestream.is_active:
        raise LivestreamActiveError("The livestream is active. Idle it first, then change its outputs.")
    return livestream


def _put(output: Output, changes: OutputChanges) -> None:
    """Give the output these values, if all of them can be used."""
    fields = _complaints(output, changes)
    if fields:
        raise ValidationFailedError("The output cannot be like this.", fields=fields)
    output.name = changes.get("name", output.name).strip(" ")
    output.uri = changes.get("uri", output.uri)
    output.enabled = changes.get("enabled", output.enabled)
    output.most_lines = changes.get("most_lines", output.most_lines)
    if "stream_key" in changes:
        output.stream_key = changes["stream_key"]
    if output.type == OutputType.ARCHIVE:
        output.public_id = changes.get("public_id", output.public_id) or default_public_id(output.livestream_id)


def _check_key_stays(output: Output, changes: OutputChanges) -> None:
    """Check that a key which was given for one server is not sent to another one.

    :raises ValidationFailedError: when it would be.
    """
    is_kept = bool(output.stream_key_encrypted) and "stream_key" not in changes
    if is_kept and _server(changes.get("uri", output.uri)) != _server(output.uri):
        complaint = "Give the key as well: the one that is kept was given for another server."
        raise ValidationFailedError("The output cannot be like this.", fields={"stream_key": [complaint]})


def _server(uri: str) -> str:
    """Return scheme, host and port of an address."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _complaints(output: Output, changes: OutputChanges) -> dict[str, list[str]]:
    """Return what is wrong, by field; empty when nothing is."""
    given = {"vendor": output.vendor, **{name: str(value or "") for name, value in changes.items()}}
    fields = _complaints_about_names(given)
    for field, owner in _OWN.items():
        if given.get(field) and output.type != owner:
            fields[field] = [f"An output of type {output.type} has none."]
    if output.is_simulcast and (complaint := _uri_complaint(given.get("uri", output.uri))):
        fields["uri"] = [complaint]
    if not 0 <= changes.get("most_lines", 0) <= _MOST_LINES:
        fields["most_lines"] = [f"Use a picture's height in lines up to {_MOST_LINES}, or 0 for the best there is."]
    if len(output.vendor) > VENDOR_MAX_LENGTH:
        fields["vendor"] = [f"Use at most {VENDOR_MAX_LENGTH} characters."]
    if not _is_plain(given.get("stream_key", ""), max_length=KEY_MAX_LENGTH):
        fields["stream_key"] = [f"Use at most {KEY_MAX_LENGTH} printable ASCII characters, without blanks."]
    return fields


def _complaints_about_names(given: Mapping[str, str]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for field in ("name", "public_id", "vendor"):
        try:
            check_name(given.get(field, ""), field=field)
        except ValidationFailedError as error:
            fields |= error.fields
    return fields


def _uri_complaint(uri: str) -> str:
    if not _is_plain(uri, max_length=URI_MAX_LENGTH):
        return f"Use at most {URI_MAX_LENGTH} printable ASCII characters, without blanks."
    try:
        parts = urlsplit(uri)
        is_address = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    return "" if is_address else "Give the platform's server: rtmp://host/application or rtmps://host/application."


def _is_plain(text: str, *, max_length: int) -> bool:
    return len(text) <= max_length and all("!" <= character <= "~" for character in text)


def _check_only(output: Output, *, one_per_uri: bool) -> None:
    """Check that the output is the only one like it; with a key of its own a simulcast is another channel there.

    :raises OutputExistsError: when it is not.
    """
    others = Output.objects.filter(livestream=output.livestream_id, type=output.type).exclude(pk=output.pk)
    if not output.is_simulcast and others.exists():
        raise OutputExistsError(f"The livestream has its {output.type} output already, and takes one. Change that one.")
    channel = {"uri": output.uri} if one_per_uri else {"uri": output.uri, "stream_key_digest": output.stream_key_digest}
    if output.is_simulcast and others.filter(**channel).exists():
        raise OutputExistsError(f"The livestream has this simulcast to {output.uri} already. Change that one.")


def _check_count(output: Output) -> None:
    simulcasts = Output.objects.filter(livestream=output.livestream_id, type=OutputType.SIMULCAST)
    if output.is_simulcast and simulcasts.count() >= MOST_SIMULCASTS:
        raise TooManyOutputsError(f"The livestream has {MOST_SIMULCASTS} simulcasts, which is the limit. Delete one.")


def _tell(output: Output, event: type[OutputEvent], *, action: str, actor: Actor, **detail: object) -> None:
    """Write it into the audit log, without any key, and publish its event."""
    livestream = output.livestream
    organization = livestream.app.organization
    said = {"livestream": str(livestream.pk), "type": output.type, "name": output.name, **detail}
    record(organization=organization, actor=actor, action=action, target=output, **said)
    events.publish(event.of_output(output, at=clock.now(), actor=actor))
