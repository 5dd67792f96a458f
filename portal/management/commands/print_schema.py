"""`manage.py print_schema`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from graphql import build_schema


class Command(BaseCommand):
    """Prints the GraphQL schema, as committed in schema.graphql."""

    help = "Print the GraphQL schema; fails if a part of it has no description."

    def handle(self, *_: Any, **__: Any) -> None:
        """Print it; CommandError names each type, field, argument and value without a description."""
        from portal.schema import schema
        from portal.schema.descriptions import undescribed

        printed = schema.as_str()
        if missing := undescribed(build_schema(printed)):
            raise CommandError("without a description: " + ", ".join(missing))
        self.stdout.write(printed)
