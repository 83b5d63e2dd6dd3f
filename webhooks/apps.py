from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from streams.dashboard import concerns
        from webhooks import screens, subscribers

        subscribers.subscribe()
        concerns.add_finder(screens.list_concerns)
