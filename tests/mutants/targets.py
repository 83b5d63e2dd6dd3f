"""What is broken on purpose, and which tests are to notice: the likeliest first."""

_PAGES = ("tests/dashboard/test_livestreams.py", "tests/dashboard/test_words.py", "tests/admin/test_admin.py")
_DEEDS = ("tests/api/test_livestreams.py", "tests/dashboard/test_deeds.py")
_HOOKS = ("tests/ingest/test_hooks.py",)


def _streams(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/streams/test_{name}.py" for name in names)


def _media(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/media/test_{name}.py" for name in names)


def _origin(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/media/origin/test_{name}.py" for name in names)


TARGETS: dict[str, tuple[str, ...]] = {
    "livehub/core/states.py": ("tests/core/test_states.py", *_streams("lifecycle", "neighbours", "overtaken")),
    "streams/livestreams/states.py": (*_streams("states", "lifecycle", "leases"), *_DEEDS, *_PAGES),
    "streams/livestreams/lifecycle.py": (
        *_streams("lifecycle", "leases", "neighbours", "services", "sweeps", "overtaken", "quotas", "test_pictures"),
        *_HOOKS,
    ),
    "streams/livestreams/leases.py": _streams(
        "leases", "neighbours", "lifecycle", "overtaken", "hot_updates", "quotas", "runner"
    ),
    "streams/livestreams/repeats.py": _streams("leases", "neighbours", "overtaken", "runner", "sweeps"),
    "streams/livestreams/connections.py": (*_HOOKS, *_streams("neighbours", "lifecycle", "sweeps")),
    "streams/livestreams/sweeps.py": _streams("sweeps"),
    "streams/livestreams/services.py": (
        *_streams("services", "neighbours", "overtaken", "quotas", "playback"),
        *_DEEDS,
    ),
    "streams/livestreams/outputs.py": (
        *_streams("outputs"),
        "tests/api/test_outputs.py",
        "tests/api/test_cloudinary.py",
    ),
    "streams/livestreams/playback.py": _streams("playback", "sweeps"),
    "streams/livestreams/stream_keys.py": (*_HOOKS, *_streams("services"), *_DEEDS),
    "streams/livestreams/locks.py": (*_streams("lifecycle", "leases", "neighbours", "overtaken"), *_HOOKS),
    "streams/livestreams/storage.py": (*_streams("playback", "runner"), *_DEEDS),
    "streams/livestreams/node_jobs.py": _streams("playback", "services", "sweeps", "lifecycle"),
    "streams/livestreams/runner.py": _streams("runner"),
    "streams/livestreams/runs.py": _streams("runner"),
    "streams/livestreams/run_observer.py": _streams("runner"),
    "streams/livestreams/held_lease.py": _streams("runner"),
    "streams/ingest/services.py": (*_HOOKS, *_streams("neighbours", "overtaken")),
    "streams/media/splice.py": _media("splice"),
    "streams/media/splice_rules.py": _media("splice_rules"),
    "streams/media/feeds.py": _media("feeds", "splice"),
    "streams/media/aac.py": _media("feeds"),
    "streams/media/ladder.py": _media("ladder"),
    "streams/media/playlist.py": _media("playlist"),
    "streams/media/fmp4.py": _media("fmp4"),
    "streams/media/flv.py": _media("flv"),
    "streams/media/announced.py": _media("announced"),
    "streams/media/avc.py": _media("avc", "announced"),
    "streams/media/meter.py": _media("meter"),
    "streams/media/source.py": _media("source", "announced"),
    "streams/media/ffmpeg.py": _media("ffmpeg"),
    "streams/media/media_time.py": _media("media_time"),
    "streams/media/progress.py": _media("progress"),
    "streams/media/output.py": _media("output"),
    "streams/media/writing.py": _media("writing", "shelf"),
    "streams/media/marks.py": _media("marks", "track"),
    "streams/media/targets.py": _media("targets", "marks", "track"),
    "streams/media/track.py": _media("track", "targets", "packager"),
    "streams/media/fragments.py": _media("fragments", "packager"),
    "streams/media/packager.py": _media("packager"),
    "streams/media/journal.py": _media("journal", "kept", "shelf", "timeline"),
    "streams/media/kept.py": _media("kept", "journal", "shelf", "timeline"),
    "streams/media/shelved.py": _media("shelf"),
    "streams/media/shelf.py": _media("shelf"),
    "streams/media/timeline.py": (*_media("timeline", "media_playlist"), *_origin("session")),
    "streams/media/media_playlist.py": _media("media_playlist", "timeline"),
    "streams/media/viewer_tokens.py": _media("viewer_tokens"),
    "streams/media/origin/requests.py": _origin("requests"),
    "streams/media/origin/answers.py": _origin("permissions", "relay", "server", "session"),
    "streams/media/origin/rules.py": (*_origin("rules", "permissions", "web"), *_media("viewer_tokens")),
    "streams/media/origin/batches.py": _origin("batches", "permissions"),
    "streams/media/origin/permissions.py": _origin("permissions"),
    "streams/media/origin/session.py": _origin("session", "server"),
    "streams/media/origin/sessions.py": _origin("server"),
    "streams/media/origin/server.py": _origin("server"),
    "streams/media/origin/web.py": _origin("web"),
    "streams/media/origin/hub.py": _origin("relay"),
    "streams/media/origin/relay.py": _origin("relay"),
    "streams/media/origin/relayed_permissions.py": _origin("relay"),
}
