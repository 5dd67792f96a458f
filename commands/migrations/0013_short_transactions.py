"""What ticks, closings and deletions need to go on in batches, each in a transaction of its own."""

import django.db.models.fields.json
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0012_pruning")]

    operations = [
        # Ticks that are made already have all their draws.
        migrations.AddField("promotertick", "policies", models.IntegerField(null=True)),
        migrations.AddField("promotertick", "accepted", models.IntegerField(db_default=0)),
        migrations.AddField("promotertick", "reached", models.UUIDField(null=True)),
        migrations.AddField("user", "withdrawing_at", models.DateTimeField(null=True)),
        migrations.AddField("user", "withdrawn_to", models.UUIDField(null=True)),
        migrations.AddIndex(
            "user",
            models.Index(
                fields=["withdrawing_at"],
                name="users_withdrawing",
                condition=models.Q(withdrawing_at__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "auction",
            models.Index(fields=["id"], name="auctions_open", condition=models.Q(closed=False)),
        ),
        migrations.AddIndex(
            "job",
            models.Index(
                django.db.models.fields.json.KeyTextTransform("tick", "payload"),
                models.F("status"),
                name="jobs_of_tick",
                condition=models.Q(command="DoubleBid"),
            ),
        ),
        migrations.AddIndex(
            "job",
            models.Index(
                fields=["stream_id"],
                name="jobs_closing",
                condition=models.Q(command="AnnounceWinner"),
            ),
        ),
        migrations.AddIndex(
            "job",
            models.Index(
                fields=["accepted_at"],
                name="jobs_deleting_users",
                condition=models.Q(command="DeleteUser", status="QUEUED"),
            ),
        ),
        # In the order in which a draw goes through them.
        migrations.RemoveIndex("bid", "bids_to_double"),
        migrations.AddIndex(
            "bid",
            models.Index(
                fields=["auction", "placed_version"],
                name="bids_to_double",
                condition=models.Q(deleted=False, doubled=False),
            ),
        ),
    ]
