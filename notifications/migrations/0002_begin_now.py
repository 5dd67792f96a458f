"""The notifier begins with what happens from now on: nobody is told of what is long past."""

from django.db import migrations

BEGIN_NOW = """
INSERT INTO notification_progress (auction_id, version, leading_bid_id, leading_amount)
SELECT auctions.id, auctions.version, best.id, best.effective_amount
FROM auctions LEFT JOIN LATERAL (
    SELECT id, effective_amount FROM bids WHERE auction_id = auctions.id AND NOT deleted
    ORDER BY effective_amount DESC, reached_version LIMIT 1
) AS best ON true
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial"), ("commands", "0002_append_only_events")]

    operations = [migrations.RunSQL(BEGIN_NOW, migrations.RunSQL.noop)]
