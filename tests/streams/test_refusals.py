"""Encoders that were turned away: counted, told, dismissed, forgotten."""

from datetime import timedelta

import pytest
from django.db.models import F

from livehub.core import clock
from streams.livestreams import refusals
from streams.livestreams.selectors import list_unknown_key_tries
from streams.models import AuditEntry, Livestream, UnknownKeyTries
from streams.organizations.services import SYSTEM

pytestmark = pytest.mark.django_db


def _tries() -> list[tuple[str, int]]:
    return [(row.address, row.tries) for row in list_unknown_key_tries()]


def _pass_time(passed: timedelta) -> None:
    UnknownKeyTries.objects.update(first_at=F("first_at") - passed, last_at=F("last_at") - passed)


class TestUnknownKeys:
    def test_are_counted_by_address_the_busiest_first(self) -> None:
        for address in ("203.0.113.9", "198.51.100.7", "203.0.113.9"):
            refusals.note_unknown_key(address)

        assert _tries() == [("203.0.113.9", 2), ("198.51.100.7", 1)]

    def test_count_an_ipv6_network_as_one(self) -> None:
        for address in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"):
            refusals.note_unknown_key(address)

        assert _tries() == [("2001:db8::", 2), ("2001:db8:0:1::", 1)]

    def test_begin_anew_after_an_hour(self) -> None:
        refusals.note_unknown_key("203.0.113.9")
        refusals.note_unknown_key("203.0.113.9")
        _pass_time(timedelta(minutes=61))
        assert _tries() == []

        refusals.note_unknown_key("203.0.113.9")

        assert _tries() == [("203.0.113.9", 1)]

    def test_are_forgotten(self) -> None:
        refusals.note_unknown_key("203.0.113.9")
        refusals.forget_unknown_keys()
        assert UnknownKeyTries.objects.count() == 1

        _pass_time(timedelta(minutes=61))
        refusals.forget_unknown_keys()

        assert not UnknownKeyTries.objects.exists()


class TestDismiss:
    def test_clears_them_and_keeps_the_number_in_the_audit_log(self, livestream: Livestream) -> None:
        refusal = {"refused_publishes": 3, "last_refusal": "It is disabled.", "last_refused_at": clock.now()}
        Livestream.objects.update(**refusal)

        refusals.dismiss_refusals(livestream=livestream, actor=SYSTEM)

        livestream.refresh_from_db()
        assert (livestream.refused_publishes, livestream.last_refusal, livestream.last_refused_at) == (0, "", None)
        entry = AuditEntry.objects.get(action="livestream.refusals_dismissed")
        assert entry.detail == {"refused_publishes": 3}

    def test_without_any_changes_nothing(self, livestream: Livestream) -> None:
        refusals.dismiss_refusals(livestream=livestream, actor=SYSTEM)

        assert not AuditEntry.objects.filter(action="livestream.refusals_dismissed").exists()
