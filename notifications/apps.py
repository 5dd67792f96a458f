"""The notifier as a Django app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Preferences, notifications, mails."""

    name = "notifications"

    def ready(self) -> None:
        """Register the notifier as a reader of auctions' and users' events."""
        from commands.queues import NOTIFICATIONS
        from commands.readers import LogReader, register
        from notifications.tasks import NOTIFY

        register(LogReader(NOTIFY, NOTIFICATIONS, frozenset({"auction", "user"})))
