"""The portal as a Django app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Schema, pages, sign-in, schedules and the operators' commands."""

    name = "portal"

    def ready(self) -> None:
        """Workers write down which tasks keep failing, and warn of a role that may change events."""
        from portal import failing  # noqa: F401  (listens to Celery's signals)
        from portal.database import warning  # noqa: F401  (the same)
