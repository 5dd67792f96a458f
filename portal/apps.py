"""The portal as a Django app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Schema, pages, sign-in, schedules and the operators' commands."""

    name = "portal"

    def ready(self) -> None:
        """Workers write down which tasks keep failing."""
        from portal import failing  # noqa: F401  (listens to Celery's signals)
