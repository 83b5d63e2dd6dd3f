"""State machines as plain data, and their only writer: a compare-and-swap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.db import models

from livehub.core.errors import IllegalTransitionError, StaleStatusError


@dataclass(frozen=True)
class StateMachine:
    """The steps that may be taken: for each state, the states that may follow it."""

    allowed: Mapping[str, frozenset[str]]

    def check(self, *, old: str, new: str) -> None:
        """Accept a step of this machine.

        :raises IllegalTransitionError: when it is not one.
        """
        if new not in self.allowed.get(old, frozenset()):
            raise IllegalTransitionError(f"Cannot go from {old} to {new}.")


class _Stateful(Protocol):
    pk: UUID
    status: str


def swap_status(row: models.Model, *, machine: StateMachine, new: str, **changes: object) -> str:
    """Move a row to its new status together with `changes`, if its status is still the one we read.

    Returns the old status; the row in memory is brought up to date.

    :raises IllegalTransitionError: when the machine has no such step.
    :raises StaleStatusError: when another process was first.
    """
    stateful: _Stateful = row  # type: ignore[assignment]  # Any model with a `status` column.
    old = stateful.status
    machine.check(old=old, new=new)
    rows = type(row)._default_manager.filter(pk=row.pk, status=old)
    if rows.update(status=new, **changes) == 0:
        raise StaleStatusError(f"{type(row).__name__} {row.pk} is no longer {old}.")
    for name, value in {"status": new, **changes}.items():
        setattr(row, name, value)
    return old
