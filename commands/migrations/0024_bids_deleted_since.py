"""An index of deleted bids by when that was; built while the portal goes on."""

from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("commands", "0023_numbered_draws"),
    ]

    operations = [
        BuildIndex(
            model_name="bid",
            index=models.Index(
                fields=["auction", "deleted_version"],
                condition=models.Q(deleted=True),
                name="bids_deleted_since",
            ),
        ),
    ]
