from django.apps import AppConfig


class LivehubConfig(AppConfig):
    name = "livehub"

    def ready(self) -> None:
        from livehub import checks  # noqa: F401  # Registers itself.
