"""`manage.py print_schema`."""

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Prints the GraphQL schema, as committed in schema.graphql."""

    help = "Print the GraphQL schema."

    def handle(self, *_: Any, **__: Any) -> None:
        """Print it."""
        from portal.schema import schema

        self.stdout.write(schema.as_str())
