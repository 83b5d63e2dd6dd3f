"""What the livestream's page says of what its encoder sends."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from livehub.core import clock
from streams.livestreams.health_notes import note_findings
from streams.livestreams.health_watch import DatedFault
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity
from streams.models import Connection, IngestFinding, Lease, Session
from tests.dashboard.conftest import get_html, squeezed
from tests.runs import finished

pytestmark = pytest.mark.django_db
_FAULT = IngestFault(FindingKind.KEYFRAME_INTERVAL, Severity.WARNING, 8.3)


def _page(browser: Client, session: Session) -> str:
    return squeezed(get_html(browser, f"/livestreams/{session.livestream_id}"))


def test_names_each_fault_with_what_mends_it(browser: Client, live: Session) -> None:
    note_findings(Lease.objects.get(), [DatedFault(_FAULT, clock.now())])
    Connection.objects.update(measured={"fps": 30.0})

    html = _page(browser, live)

    assert 'data-health="ok"' in html
    assert "<b>Warning</b>Key frames come only every 8.3 s, so viewers wait longer for the picture." in html
    assert "OBS: Set Settings &gt; Output &gt; Keyframe Interval to 2 s" in html
    assert "ffmpeg: Add -g with twice the frame rate" in html
    assert "<b>Encoder fault</b>Key frames come only every 8.3 s" in html


def test_says_so_when_nothing_is_wrong(browser: Client, live: Session) -> None:
    Connection.objects.update(measured={"fps": 30.0})

    assert "Nothing is wrong with what it sends" in _page(browser, live)


def test_keeps_what_was_wrong_when_the_encoder_left(browser: Client, live: Session) -> None:
    note_findings(Lease.objects.get(), [DatedFault(_FAULT, clock.now())])
    finished(live)

    html = _page(browser, live)

    assert "What was wrong when the encoder sent last; offline" in html
    assert "8.3 s" in html


def test_the_broadcasts_page_tells_from_when_to_when(browser: Client, live: Session) -> None:
    lease, begun = Lease.objects.get(), clock.now().replace(hour=1, minute=2, second=3)
    note_findings(lease, [DatedFault(_FAULT, begun)])
    note_findings(lease, [])
    IngestFinding.objects.update(cleared_at=begun + timedelta(seconds=41))
    note_findings(lease, [DatedFault(_FAULT, begun + timedelta(seconds=90))])

    html = squeezed(get_html(browser, f"/livestreams/{live.livestream_id}/sessions/{live.pk}"))
    told = " ".join(re.sub("<[^>]*>", " ", html).split())

    assert html.count("OBS: Set Settings &gt; Output &gt; Keyframe Interval to 2 s") == 2
    assert re.findall(r"Warning Key frames come only every 8\.3 s[^0-9]*(\S+ \S \S+)", told) == [
        "01:02:03 \u2013 01:02:44",
        "01:03:33 \u2013 now",
    ]
