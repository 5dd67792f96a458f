"""Whether ticks draw in an auction: in all there are; and the index by which they find these, built while the portal goes on."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("commands", "0035_bans"),
    ]

    operations = [
        migrations.AddField("auction", "promoted", models.BooleanField(db_default=True)),
        BuildIndex(
            "auction",
            models.Index(
                fields=["id"],
                name="auctions_promoted",
                condition=models.Q(closed=False, promoted=True),
            ),
        ),
        RemoveIndexConcurrently("auction", "auctions_open"),
    ]
