from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from livehub import metrics
        from streams.dashboard import concerns
        from webhooks import figures, screens, subscribers

        subscribers.subscribe()
        concerns.add_finder(screens.list_concerns)
        metrics.add_figures(figures.find_figures)
