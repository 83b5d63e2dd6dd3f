from django.apps import AppConfig


class StreamsConfig(AppConfig):
    name = "streams"

    def ready(self) -> None:
        from streams.livestreams import live_updates
        from streams.meetings import live_updates as meeting_updates
        from streams.meetings.services import presets
        from streams.recordings import automatic

        live_updates.subscribe()
        meeting_updates.subscribe()
        presets.subscribe()
        automatic.subscribe()
