"""Auctions that nobody was notified of are found by the order of events, no longer by looking at every auction."""

from django.db import migrations

# What the notifier is behind with now is listed; from there on it reads what the projections' sweep will.
BEGIN = """
INSERT INTO projection_checkpoints (name, transaction_id, position)
SELECT 'notifications', transaction_id, position FROM projection_checkpoints WHERE name = 'sweep';
INSERT INTO projection_lagging (reader, stream_id, stream_kind, version, since)
SELECT 'notifications', id, 'auction', auctions.version, clock_timestamp()
FROM auctions LEFT JOIN notification_progress ON auction_id = id
WHERE auctions.version > coalesce(notification_progress.version, 0);
"""
END = """
DELETE FROM projection_checkpoints WHERE name = 'notifications';
DELETE FROM projection_lagging WHERE reader = 'notifications';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0007_pruning"),
        ("projections", "0004_lag_of_several_readers"),
        ("commands", "0012_pruning"),
    ]

    operations = [migrations.RunSQL(BEGIN, END)]
