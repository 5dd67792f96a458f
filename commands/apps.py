"""The write side as a Django app."""

from django.apps import AppConfig


class CommandsConfig(AppConfig):
    """Models, migrations, admin pages, tasks and commands of the write side."""

    name = "commands"
    verbose_name = "Auction house"
