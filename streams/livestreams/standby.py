"""Beginning a broadcast by hand: viewers see the slate until its encoder comes."""

from dataclasses import fields, replace
from datetime import timedelta

from django.conf import settings

from livehub.core import clock, tracing
from livehub.core.lengths import length_words
from streams.livestreams import lifecycle, node_jobs
from streams.livestreams.arrivals import AlreadyLiveError, check_quota
from streams.livestreams.locks import find_open_session_of
from streams.livestreams.models import Connection, Lease, Livestream, Session
from streams.livestreams.states import EndReason, SessionStatus
from streams.media.source import Source, is_accepted
from streams.organizations.services import Actor

# What most encoders send that nobody has set up otherwise; no more lines than may be sent.
_USUAL = Source("h264", "High", "yuv420p", 1280, 720, 30.0, 2500, 0.0, "aac", "LC", 2, 48_000)
_MEMBERS = {member.name for member in fields(Source)}


def begin(livestream: Livestream, *, actor: Actor) -> bool:
    """Have a worker show the slate of a locked livestream, and tell whether it had to; one on air stays as it is.

    An encoder that comes in time goes on with the same session. One that does not ends it.

    :raises AlreadyLiveError: when a test picture is on.
    :raises QuotaExceededError: when its organization has as many broadcasts on air as it may.
    """
    session = find_open_session_of(livestream)
    if session is not None:
        if session.has_test_picture():
            raise AlreadyLiveError("The test picture is on. Stop it, then start with the slate.")
        if session.awaits_encoder or session.has_encoder():
            return False
        # A worker is still working off what it has sent that is gone.
        lifecycle.close_session(session, new=SessionStatus.ENDED, reason=EndReason.ENCODER_STOPPED)
    began_ns = tracing.now_ns()
    check_quota(livestream)
    wait_s = max(settings.STANDBY_S, livestream.reconnect_window_s)
    now = clock.now()
    node = _usual_node(livestream)
    session = Session.objects.create(
        livestream=livestream,
        status=SessionStatus.STANDBY,
        standby_node=node,
        reconnect_until=now + timedelta(seconds=wait_s),
        source=vars(_expected_source(livestream)),
    )
    Lease.objects.create(session=session)
    reason = f"Started with the slate; the encoder is waited for {length_words(wait_s)}"
    lifecycle.record_status(session, old="", reason=reason, at=now, actor=actor, data={"window_s": wait_s})
    node_jobs.run_session(session.pk, node=node)
    told: dict[str, tracing.Attribute] = {"livehub.livestream.id": str(livestream.pk), "livehub.node": node}
    tracing.note_step(session.pk, "broadcast.start_with_slate", began_ns=began_ns, is_first=True, attributes=told)
    return True


def _usual_node(livestream: Livestream) -> str:
    """Return where its encoder connected last; one that never did may connect here as well as anywhere."""
    nodes = Connection.objects.filter(session__livestream=livestream).order_by("-connected_at")
    return nodes.values_list("node", flat=True).first() or settings.NODE


def _expected_source(livestream: Livestream) -> Source:
    """Return what its encoder sent last, as far as a slate can be made for it; what is usual where it never did."""
    sources = Session.objects.filter(livestream=livestream).exclude(started_at=None).exclude(source={})
    by_encoders = sources.exclude(connections__stream_key__is_for_test_picture=True)
    sent = by_encoders.newest_first().values_list("source", flat=True).first()
    if sent is None or sent.keys() != _MEMBERS:
        return _usual_source()
    source = Source(**sent)
    if not is_accepted(source, max_height=settings.MAX_HEIGHT):
        return _usual_source()
    if source.audio_codec == "aac" and source.audio_profile == "LC" and source.audio_channels in {1, 2}:
        return source
    sound = {name: getattr(_USUAL, name) for name in ("audio_codec", "audio_profile", "audio_channels", "sample_rate")}
    return replace(source, **sound)


def _usual_source() -> Source:
    lines = min(_USUAL.height, settings.MAX_HEIGHT)
    return replace(_USUAL, width=lines * 16 // 9 // 2 * 2, height=lines // 2 * 2)
