"""Building indexes of large tables in migrations."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently

PARTS = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1
"""


class BuildIndex(AddIndexConcurrently):
    """Builds an index while the portal goes on; a migration that was killed in it can be run again.

    What a killed build leaves is dropped first, and so is what an earlier run of the migration built.
    """

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drop the index, if it is there, then build it."""
        model = to_state.apps.get_model(app_label, self.model_name)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(PARTS, [model._meta.db_table])
            parts = [name for (name,) in cursor.fetchall()]
        name = schema_editor.quote_name(self.index.name)
        if parts:
            self._ensure_not_in_transaction(schema_editor)
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")
            for part in parts:
                self._build_for_part(schema_editor, model, part)
            # Takes the parts' indexes for its own.
            schema_editor.add_index(model, self.index)
        else:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def _build_for_part(self, schema_editor: Any, model: Any, part: str) -> None:
        table = model._meta.db_table
        name = schema_editor.quote_name(self.index.name + part.removeprefix(table))
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        statement = self.index.create_sql(model, schema_editor, concurrently=True)
        statement.rename_table_references(table, part)
        statement.parts["name"] = name
        schema_editor.execute(statement)
