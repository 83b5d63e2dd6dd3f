"""One trace from an encoder's hook to a delivered webhook, as who takes traces gets it."""

import threading
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client

from livehub.core import crypto, tracing
from streams.livestreams.renewals import Renewals
from streams.livestreams.runs import SessionRun
from streams.livestreams.services import create_livestream
from streams.media.ladder import build_ladder
from streams.media.source import Source
from streams.models import Livestream, Session
from streams.organizations.services import SYSTEM, NewOrganization
from tests.core.otlp import TraceReceiver, open_receiver
from tests.runs import claimed, connected
from tests.webhooks.deliveries import courier, wait_for
from webhooks.models import Endpoint
from webhooks.states import DeliveryState

# A courier runs in threads of its own.
pytestmark = pytest.mark.django_db(transaction=True)

_SOURCE = Source("h264", "High", "yuv420p", 1280, 720, 30.0, 2500, 2.0, "aac", "LC", 2, 48_000)


@pytest.fixture
def traces(settings: LazySettings) -> Iterator[TraceReceiver]:
    with open_receiver() as receiver:
        settings.OTLP_ENDPOINT = receiver.url
        tracing.start("tests")
        try:
            yield receiver
        finally:
            tracing.stop()


def _publish(livestream: Livestream, settings: LazySettings) -> Session:
    answer = Client().post(
        f"/internal/ingest/publish?token={settings.INGEST_HOOK_TOKEN}&node=main",
        {"name": livestream.stream_key, "addr": "203.0.113.7", "clientid": "1", "flashver": "Some encoder"},
    )
    assert answer.status_code == 302
    return Session.objects.get(livestream=livestream)


def _go_live(session: Session) -> None:
    """Do what a worker does that runs the session, but for the media."""
    run = SessionRun(claimed(session), threading.Event(), Renewals())
    run.observer.found(_SOURCE, build_ladder(_SOURCE))
    run.observer.playable()


def test_goes_from_the_hook_to_the_webhook_and_says_nothing_secret(
    home: NewOrganization, endpoint: Endpoint, traces: TraceReceiver, settings: LazySettings
) -> None:
    livestream = create_livestream(app=home.app, name="All hands", actor=SYSTEM)

    session = _publish(livestream, settings)
    _go_live(session)
    with courier(endpoint):
        wait_for(endpoint, DeliveryState.DELIVERED)
    tracing.stop()

    spans = {span.name: span for span in traces.spans}
    assert list(spans) == [
        "broadcast.admit_encoder",
        "broadcast.wait_for_worker",
        "broadcast.probe_source",
        "broadcast.make_first_parts",
        "broadcast.go_live",
        "webhook.deliver",
    ]
    assert {span.trace_id for span in traces.spans} == {spans["broadcast.admit_encoder"].trace_id}
    first, *others = traces.spans
    assert first.parent_id == b""
    assert {span.parent_id for span in others} == {first.span_id}
    assert {span.attributes["livehub.session.id"] for span in traces.spans} == {str(session.pk)}
    assert spans["webhook.deliver"].attributes["livehub.webhook.type"] == "livestream.live"
    assert spans["webhook.deliver"].attributes["livehub.webhook.outcome"] == "delivered"
    assert spans["broadcast.go_live"].attributes["livehub.run.epoch"] == 1
    for secret in (
        livestream.stream_key,
        settings.INGEST_HOOK_TOKEN,
        crypto.decrypt(endpoint.secret_encrypted),
        endpoint.url,
        "203.0.113.7",
        "Some encoder",
        "All hands",
        livestream.playback_id,
    ):
        assert all(secret.encode() not in body for body in traces.bodies), secret


def test_goes_on_with_the_run_that_takes_over(
    home: NewOrganization, traces: TraceReceiver, settings: LazySettings
) -> None:
    session = _publish(create_livestream(app=home.app, name="All hands", actor=SYSTEM), settings)
    lease = claimed(session)
    type(lease).objects.filter(pk=lease.pk).update(until=None)

    _go_live(session)
    tracing.stop()

    waits = [span for span in traces.spans if span.name == "broadcast.wait_for_worker"]
    assert [span.attributes["livehub.run.epoch"] for span in waits] == [2]
    assert len({span.trace_id for span in traces.spans}) == 1


def test_of_what_nobody_wants_to_know_nothing_is_told(home: NewOrganization, settings: LazySettings) -> None:
    with open_receiver() as receiver:
        tracing.start("tests")
        _go_live(connected(create_livestream(app=home.app, name="All hands", actor=SYSTEM)))

        assert not tracing.is_wanted()
        assert receiver.bodies == []
