from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from analytics import selectors
        from streams.livestreams import watching

        watching.use_reader(selectors.read_viewers)
