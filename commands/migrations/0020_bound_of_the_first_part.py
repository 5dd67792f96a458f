"""The table of events as it is gets a bound, by which it can become a part of the log without being read."""

from typing import Any

from django.db import migrations

from commands.postgres.parts import first_bound

BOUND = """
ALTER TABLE events DROP CONSTRAINT IF EXISTS events_bound;
ALTER TABLE events ADD CONSTRAINT events_bound CHECK (stream_id < '{bound}') NOT VALID;
"""
# Only ids that are not made from the time lie above it; the next migration moves their events.
ABOVE = "SELECT stream_id FROM events WHERE stream_id >= %s LIMIT 1"


def bound(_: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        bound = first_bound(cursor.fetchone()[0])
        cursor.execute(BOUND.format(bound=bound))
        cursor.execute(ABOVE, [bound])
        if cursor.fetchone() is None:
            # Reads every event, while others read and append.
            cursor.execute("ALTER TABLE events VALIDATE CONSTRAINT events_bound")


class Migration(migrations.Migration):
    # In one transaction, the lock of the first statement would be held while the others run.
    atomic = False

    dependencies = [("commands", "0019_imports")]

    operations = [migrations.RunPython(bound, migrations.RunPython.noop)]
