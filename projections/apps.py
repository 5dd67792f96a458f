"""The read side as a Django app."""

from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    """Tasks, the checkpoint of the lag sweep, and the rebuild command."""

    name = "projections"

    def ready(self) -> None:
        """Register the projections as a reader of all streams that have documents."""
        from commands.queues import PROJECTIONS
        from commands.readers import LogReader, register
        from projections.ports import WITH_DOCUMENTS
        from projections.tasks import PROJECT

        register(LogReader(PROJECT, PROJECTIONS, WITH_DOCUMENTS))
