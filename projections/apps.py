"""The read side as a Django app."""

from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    """Tasks, the checkpoint of the lag sweep, and the rebuild command."""

    name = "projections"
