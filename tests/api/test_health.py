"""How good what an encoder sends is, over REST."""

from datetime import UTC, datetime

from streams.livestreams.health_notes import note_findings
from streams.livestreams.health_watch import DatedFault
from streams.media.doctor.judgement import IngestFault
from streams.media.doctor.kinds import FindingKind, Severity
from streams.models import Connection, Livestream
from tests.api.clients import ApiClient, read
from tests.runs import claimed, connected

_SINCE = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_tells_findings_with_what_mends_them_and_what_is_measured(dyte: ApiClient, livestream: Livestream) -> None:
    session = connected(livestream)
    note_findings(
        claimed(session),
        [DatedFault(IngestFault(FindingKind.BITRATE_LOW, Severity.INFO, 900.0, "1.5 to 4 Mbit/s"), _SINCE)],
    )
    drift = {"drift_ppm": {"value": -310, "at": "2026-11-23T12:00:05.000Z"}}
    Connection.objects.update(measured={"fps": 29.97, "audio_kbps": 0, "gop_s": 2.0, "readings": drift})

    answer = read(dyte.get(f"/livestreams/{livestream.pk}/health"))["data"]

    assert (answer["status"], answer["session_id"], answer["offline_since"]) == ("good", str(session.pk), None)
    (finding,) = answer["findings"]
    assert {name: finding[name] for name in ("kind", "severity", "value", "unit", "since")} == {
        "kind": "bitrate_low",
        "severity": "info",
        "value": 900.0,
        "unit": "kbit/s",
        "since": "2026-11-23T12:00:00.000Z",
    }
    assert finding["message"].startswith("The bitrate is 900 kbit/s, less than this size needs (1.5 to 4 Mbit/s)")
    assert "Bitrate to 1.5 to 4 Mbit/s" in finding["fix"]["obs"]
    assert "-b:v" in finding["fix"]["ffmpeg"]
    assert "YouTube" in finding["threshold_source"]
    measured = answer["measured"]
    assert (measured["fps"]["value"], measured["fps"]["unit"]) == (29.97, "fps")
    assert measured["drift_ppm"] == {"value": -310, "unit": "ppm", "as_of": "2026-11-23T12:00:05.000Z"}
    # Never zero for what is not known.
    assert (measured["audio_kbps"], measured["jitter_s"]) == (None, None)


def test_is_not_known_of_one_that_was_never_published_to(dyte: ApiClient, livestream: Livestream) -> None:
    answer = read(dyte.get(f"/livestreams/{livestream.pk}/health"))["data"]

    assert (answer["status"], answer["session_id"], answer["findings"]) == ("no_data", None, [])
    assert set(answer["measured"].values()) == {None}


def test_is_nobody_elses(dyte: ApiClient, foreign_livestream: Livestream) -> None:
    assert dyte.get(f"/livestreams/{foreign_livestream.pk}/health").status_code == 404
