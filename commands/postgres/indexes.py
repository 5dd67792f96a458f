"""Building indexes of large tables in migrations."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently


class BuildIndex(AddIndexConcurrently):
    """Builds an index while the portal goes on; a migration that was killed in it can be run again.

    What a killed build leaves is dropped first, and so is what an earlier run of the migration built.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, *states: Any) -> None:
        """Drop the index, if it is there, then build it."""
        name = schema_editor.quote_name(self.index.name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        super().database_forwards(app_label, schema_editor, *states)
