"""What is broken on purpose, and which tests are to notice: the likeliest first."""

_STATES = (
    "tests/core",
    "tests/streams",
    "tests/ingest",
    "tests/api/test_livestreams.py",
    "tests/dashboard/test_deeds.py",
)
_SERVICES = ("tests/api/test_livestreams.py", "tests/dashboard/test_deeds.py", "tests/streams", "tests/ingest")
_MEDIA = ("ladder", "playlist", "fmp4", "flv", "source", "ffmpeg")

TARGETS: dict[str, tuple[str, ...]] = {
    "livehub/core/states.py": _STATES,
    "streams/livestreams/states.py": _STATES,
    "streams/livestreams/lifecycle.py": ("tests/streams/test_lifecycle.py", *_STATES),
    "streams/livestreams/services.py": _SERVICES,
    "streams/livestreams/playback.py": ("tests/streams/test_playback.py", *_STATES),
    "streams/ingest/services.py": ("tests/ingest", "tests/streams"),
    **{f"streams/media/{name}.py": (f"tests/media/test_{name}.py", "tests/media/test_ffmpeg.py") for name in _MEDIA},
}
