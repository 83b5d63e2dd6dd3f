"""Where livestreams go."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream, Output, OutputQuerySet, PushEvent
from streams.livestreams.states import OutputType


def read_outputs_of(livestreams: Sequence[Livestream], *types: OutputType) -> dict[UUID, list[Output]]:
    """Return each one's outputs, those of these types or all, by its id and in order: one query for all of them.

    Not by `prefetch_related`, which makes a queryset for each livestream and takes longer than the query.
    """
    by_id = {livestream.pk: livestream for livestream in livestreams}
    found: dict[UUID, list[Output]] = {livestream_id: [] for livestream_id in by_id}
    rows = Output.objects.filter(livestream__in=list(by_id))
    for output in (rows.filter(type__in=types) if types else rows).in_order():
        output.livestream = by_id[output.livestream_id]
        found[output.livestream_id].append(output)
    return found


def list_outputs(livestream: Livestream) -> OutputQuerySet:
    """Return the livestream's outputs, in order."""
    return livestream.outputs.in_order()


def list_push_events(output: Output) -> QuerySet[PushEvent]:
    """Return the states that a simulcast came into, newest first; the latest 200 are kept."""
    return output.push_events.order_by("-id")


def get_output(*, livestream: Livestream, output_id: UUID) -> Output:
    """Return one of the livestream's outputs.

    :raises NotFoundError: when it has no such output.
    """
    return _get(livestream.outputs.filter(pk=output_id), called=f"output {output_id}")


def get_simulcast_between(*, livestream: Livestream, ids: tuple[UUID, UUID], called: str) -> Output:
    """Return the livestream's simulcast that a shortened id means; `called` is how it is spelt.

    :raises NotFoundError: when it has no such simulcast.
    """
    simulcasts = livestream.outputs.filter(type=OutputType.SIMULCAST)
    return _get(simulcasts.filter(pk__gte=ids[0], pk__lte=ids[1]), called=f"platform {called}")


def _get(rows: OutputQuerySet, *, called: str) -> Output:
    output = next(iter(rows[:1]), None)
    if output is None:
        raise NotFoundError(f"No {called}.")
    return output
