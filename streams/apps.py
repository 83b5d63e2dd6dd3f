from django.apps import AppConfig


class StreamsConfig(AppConfig):
    name = "streams"

    def ready(self) -> None:
        from livehub import metrics
        from streams.dashboard import concerns
        from streams.livestreams import live_updates
        from streams.livestreams.selectors import list_flow_concerns
        from streams.meetings import live_updates as meeting_updates
        from streams.meetings.services import presets
        from streams.recordings import automatic
        from streams.recordings.concerns import list_recording_concerns
        from streams.system import figures

        live_updates.subscribe()
        meeting_updates.subscribe()
        presets.subscribe()
        automatic.subscribe()
        concerns.add_finder(list_flow_concerns)
        concerns.add_finder(list_recording_concerns)
        metrics.add_figures(figures.find_figures)
