from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from analytics import upkeep
        from streams.system import components

        components.add_component(upkeep.upkeep_component)
