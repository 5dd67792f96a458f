"""The log becomes a table in parts, whose first part is the table that it was."""

from typing import Any

from django.db import migrations

from commands.postgres.parts import first_bound, first_year, parts

# Whoever has the log in hand is waited for so long; meanwhile nobody else gets it.
ALONE = """
SET LOCAL lock_timeout = '30s';
LOCK TABLE events IN ACCESS EXCLUSIVE MODE;
"""
# Postgres 15 and 16 have no identity columns in parts.
STEP_ASIDE = """
ALTER TABLE events RENAME TO events_{first};
ALTER INDEX events_pkey RENAME TO events_pkey_{first};
ALTER INDEX events_stream_version RENAME TO events_stream_version_{first};
ALTER INDEX events_global_order RENAME TO events_global_order_{first};
ALTER INDEX events_draws RENAME TO events_draws_{first};
ALTER INDEX events_of_rarer_types RENAME TO events_of_rarer_types_{first};
DROP TRIGGER events_refuse_update_delete ON events_{first};
ALTER TABLE events_{first} ALTER position DROP IDENTITY;
"""
# An index that a part has already becomes part of the log's. `position` can't be unique in all of it
# without the stream's id: its sequence makes it so.
LOG = """
CREATE TABLE events (LIKE events_{first} INCLUDING DEFAULTS) PARTITION BY RANGE (stream_id);
CREATE SEQUENCE events_position_seq START {position} OWNED BY events.position;
ALTER TABLE events
    ALTER position SET DEFAULT nextval('events_position_seq'),
    ADD CONSTRAINT events_stream_version UNIQUE (stream_id, version);
CREATE INDEX events_global_order ON events (transaction_id, position);
CREATE INDEX events_draws ON events (position) WHERE type = 'BidDoubled';
CREATE INDEX events_of_rarer_types ON events (type, position)
    WHERE NOT (type IN ('BidPlaced', 'BidDeleted', 'BidDoubled'));
CREATE TRIGGER events_refuse_update_delete BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
"""
PART = """
CREATE TABLE events_{name} PARTITION OF events (
    CONSTRAINT events_pkey_{name} PRIMARY KEY (position)
) {values};
ALTER INDEX events_{name}_stream_id_version_key RENAME TO events_stream_version_{name};
ALTER INDEX events_{name}_transaction_id_position_idx RENAME TO events_global_order_{name};
ALTER INDEX events_{name}_position_idx RENAME TO events_draws_{name};
ALTER INDEX events_{name}_type_position_idx RENAME TO events_of_rarer_types_{name};
CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON events_{name}
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
"""
FIRST = """
INSERT INTO events SELECT * FROM events_{first} WHERE stream_id >= '{bound}';
DELETE FROM events_{first} WHERE stream_id >= '{bound}';
ALTER TABLE events ATTACH PARTITION events_{first} FOR VALUES FROM (MINVALUE) TO ('{bound}');
ALTER TABLE events_{first} DROP CONSTRAINT events_bound;
"""


def part(_: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(ALONE)
        cursor.execute(
            "SELECT clock_timestamp(), nextval(pg_get_serial_sequence('events', 'position'))"
        )
        now, position = cursor.fetchone()
        first = f"before_{first_year(now)}"
        cursor.execute(STEP_ASIDE.format(first=first))
        cursor.execute(LOG.format(first=first, position=position))
        cursor.execute(PART.format(name="rest", values="DEFAULT"))
        for each in parts(now):
            values = f"FOR VALUES FROM ('{each.first}') TO ('{each.end}')"
            cursor.execute(PART.format(name=each.name, values=values))
        cursor.execute(FIRST.format(first=first, bound=first_bound(now)))


class Migration(migrations.Migration):
    dependencies = [("commands", "0020_bound_of_the_first_part")]

    operations = [migrations.RunPython(part)]
