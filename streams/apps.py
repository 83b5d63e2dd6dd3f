from django.apps import AppConfig


class StreamsConfig(AppConfig):
    name = "streams"

    def ready(self) -> None:
        from streams.livestreams import live_updates
        from streams.meetings.services import presets

        live_updates.subscribe()
        presets.subscribe()
