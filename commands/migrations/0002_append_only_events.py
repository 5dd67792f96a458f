"""What Django's models can't say about the tables: events only ever grow, and commits have an order."""

from django.db import migrations

# Rows become visible in the order of commits, which need not be that of `position`: who reads
# across streams reads below pg_snapshot_xmin and orders by (transaction_id, position).
GLOBAL_ORDER = """
ALTER TABLE events ADD COLUMN transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX events_global_order ON events (transaction_id, position);
"""
DROP_GLOBAL_ORDER = "ALTER TABLE events DROP COLUMN transaction_id;"

APPEND_ONLY = """
CREATE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_refuse_update_delete BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_refuse_change();
CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();
"""
DROP_APPEND_ONLY = """
DROP TRIGGER events_refuse_truncate ON events;
DROP TRIGGER events_refuse_update_delete ON events;
DROP FUNCTION events_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("commands", "0001_initial")]

    operations = [
        migrations.RunSQL(GLOBAL_ORDER, DROP_GLOBAL_ORDER),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
    ]
