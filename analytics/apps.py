from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"

    def ready(self) -> None:
        from analytics import figures, heard, selectors, upkeep
        from livehub import metrics
        from streams.livestreams import watching
        from streams.system import components, edges

        watching.use_reader(selectors.read_viewers)
        components.add_component(upkeep.upkeep_component)
        metrics.add_figures(figures.find_figures)
        edges.use_reader(heard.look_at_edges)
