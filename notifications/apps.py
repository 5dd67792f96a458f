"""The notifier as a Django app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Preferences, notifications, mails."""

    name = "notifications"

    def ready(self) -> None:
        """Notifications follow the log: an auction's events, and the deletion of users."""
        from commands.readers import LogReader, register
        from notifications.tasks import UNNOTIFIED

        register(LogReader(UNNOTIFIED, frozenset({"auction", "user"})))
