"""What being told of a change costs the change: with three endpoints that listen, and with none.

`python -m pytest -m bench -s bench/test_webhook_cost.py`.
"""

import statistics
import time
from collections.abc import Callable

import pytest

from streams.livestreams import leases, services
from streams.livestreams.services import create_livestream
from streams.models import Livestream
from streams.organizations.services import SYSTEM, create_organization
from tests.runs import claimed, connected
from tests.webhooks.told import listen_for
from webhooks.models import Delivery

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]

_ENDPOINTS = 3
_ROUNDS, _CHANGES = 7, 60
_BUDGET = 1.3
_Change = Callable[[Livestream, int], object]


def _rename(livestream: Livestream, number: int) -> None:
    services.rename_livestream(livestream=livestream, name=f"Keynote {number}", actor=SYSTEM)


def _switch(livestream: Livestream, number: int) -> None:
    services.change_livestream(livestream=livestream, disabled=number % 2 == 0, actor=SYSTEM)


def _broadcast(livestream: Livestream, number: int) -> None:
    """From the encoder that connects to the end: three events."""
    leases.mark_live(claimed(connected(livestream), worker=f"worker {number}"))
    services.end_broadcast(livestream=livestream, actor=SYSTEM)


@pytest.mark.parametrize("change", [_rename, _switch, _broadcast], ids=["rename", "switch", "broadcast"])
def test_a_change_costs_hardly_more_with_three_endpoints(
    change: _Change,
) -> None:
    told, untold = _livestream_of("Northwind Events"), _livestream_of("Contoso")
    for _ in range(_ENDPOINTS):
        listen_for(told.app, "livestream.updated", "livestream.connected", "livestream.live", "livestream.ended")
    # What is done for the first time takes longer.
    _time(change, told)
    _time(change, untold)

    # By turns: what else the machine does is the same for both.
    pairs = [(_time(change, told), _time(change, untold)) for _ in range(_ROUNDS)]

    with_ms, without_ms = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(with_ / without for with_, without in pairs)
    print(f"\n{change.__name__[1:]}: {with_ms:.2f} ms with {_ENDPOINTS}, {without_ms:.2f} ms with none, x {ratio:.2f}")
    assert Delivery.objects.count() >= _ENDPOINTS * _ROUNDS * _CHANGES
    assert ratio <= _BUDGET


def _livestream_of(name: str) -> Livestream:
    email = f"{name.split()[0].lower()}@example.com"
    organization = create_organization(name=name, email=email, password="correct horse battery")  # noqa: S106
    return create_livestream(app=organization.app, name="Keynote", actor=SYSTEM)


def _time(change: _Change, livestream: Livestream) -> float:
    """Return how long one change took, in milliseconds."""
    began = time.perf_counter()
    for number in range(_CHANGES):
        change(livestream, number)
    return (time.perf_counter() - began) * 1000 / _CHANGES
