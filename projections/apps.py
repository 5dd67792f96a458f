"""The read side as a Django app."""

from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    """Tasks, the checkpoint of the lag sweep, and the rebuild command."""

    name = "projections"

    def ready(self) -> None:
        """Have the projections woken when a stream with documents has new events."""
        from commands.readers import LogReader, register
        from projections.ports import WITH_DOCUMENTS
        from projections.tasks import BEHIND

        register(LogReader(BEHIND, WITH_DOCUMENTS))
