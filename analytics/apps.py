from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from analytics import heard, selectors, upkeep
        from streams.livestreams import watching
        from streams.system import components

        watching.use_reader(selectors.read_viewers)
        components.add_component(upkeep.upkeep_component)
        components.add_component(heard.counting_component)
