"""The portal as a Django app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Schema, pages, sign-in, schedules and the operators' commands."""

    name = "portal"
