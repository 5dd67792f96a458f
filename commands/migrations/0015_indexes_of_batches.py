"""Indexes by which ticks, closings and deletions go on in batches; built while the portal goes on."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [("commands", "0014_waiting_draws")]

    operations = [
        BuildIndex(
            "auction",
            models.Index(fields=["id"], name="auctions_open", condition=models.Q(closed=False)),
        ),
        BuildIndex(
            "job",
            models.Index(
                KeyTextTransform("tick", "payload"),
                name="jobs_of_tick",
                condition=models.Q(command="DoubleBid"),
            ),
        ),
        BuildIndex(
            "job",
            models.Index(
                fields=["stream_id"],
                name="jobs_closing",
                condition=models.Q(command="AnnounceWinner"),
            ),
        ),
        BuildIndex(
            "job",
            models.Index(
                fields=["accepted_at"],
                name="jobs_deleting_users",
                condition=models.Q(command="DeleteUser", status="QUEUED"),
            ),
        ),
        # In the order in which a draw goes through them.
        RemoveIndexConcurrently("bid", "bids_to_double"),
        BuildIndex(
            "bid",
            models.Index(
                fields=["auction", "placed_version"],
                name="bids_to_double",
                condition=models.Q(deleted=False, doubled=False),
            ),
        ),
        # However many end at the same moment, the next hundred are found without the rest.
        RemoveIndexConcurrently("auction", "auctions_to_close"),
        BuildIndex(
            "auction",
            models.Index(
                fields=["ends_at", "id"],
                name="auctions_to_close",
                condition=models.Q(closed=False),
            ),
        ),
    ]
