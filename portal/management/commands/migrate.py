"""`manage.py migrate`: Django's, as the owner of the database."""

from typing import Any

from django.core.management.commands import migrate

from portal.database.granting import grant_if_owner
from portal.database.owner import django_as_owner, names_of_roles, owners_connection


class Command(migrate.Command):
    """Changes the tables, then gives the portal's roles what they need of them."""

    help = "Bring the database's tables up to date, as their owner (DATABASE_OWNER_URL)."

    def handle(self, *args: Any, **options: Any) -> None:
        with django_as_owner():
            super().handle(*args, **options)
        with owners_connection() as connection:
            grant_if_owner(connection, names_of_roles())
