"""Where livestreams go."""

from uuid import UUID

from django.db.models import Prefetch

from livehub.core.errors import NotFoundError
from streams.livestreams.models import Livestream, LivestreamQuerySet, Output, OutputQuerySet


def with_outputs(livestreams: LivestreamQuerySet) -> LivestreamQuerySet:
    """Read each one's outputs along, in order: one more query, however many livestreams."""
    return livestreams.prefetch_related(Prefetch("outputs", queryset=Output.objects.in_order()))


def list_outputs(livestream: Livestream) -> OutputQuerySet:
    """Return the livestream's outputs, in order."""
    return Output.objects.filter(livestream=livestream).in_order()


def get_output(*, livestream: Livestream, output_id: UUID) -> Output:
    """Return one of the livestream's outputs.

    :raises NotFoundError: when it has no such output.
    """
    return _get(Output.objects.filter(livestream=livestream, pk=output_id), livestream, called=str(output_id))


def get_output_between(*, livestream: Livestream, ids: tuple[UUID, UUID], called: str) -> Output:
    """Return the livestream's output that a shortened id means; `called` is how it is spelt.

    :raises NotFoundError: when it has no such output.
    """
    return _get(Output.objects.filter(livestream=livestream, pk__gte=ids[0], pk__lte=ids[1]), livestream, called=called)


def _get(rows: OutputQuerySet, livestream: Livestream, *, called: str) -> Output:
    output = next(iter(rows[:1]), None)
    if output is None:
        raise NotFoundError(f"No output {called}.")
    # What the caller holds, locked or read with its key, and not read once more.
    output.livestream = livestream
    return output
