from django.apps import AppConfig


class StreamsConfig(AppConfig):
    name = "streams"

    def ready(self) -> None:
        from streams.livestreams import live_updates

        live_updates.subscribe()
