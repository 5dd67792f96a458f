"""The notifier as a Django app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Preferences, notifications, mails."""

    name = "notifications"
