from django.apps import AppConfig


class LivehubConfig(AppConfig):
    name = "livehub"

    def ready(self) -> None:
        # Both register themselves. Not imported by the package itself, which the supervisor needs to be light.
        from livehub import celery, checks  # noqa: F401
