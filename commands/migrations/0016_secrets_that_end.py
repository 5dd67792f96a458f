"""The index by which the secrets of ticks that were revealed long ago are found."""

from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [("commands", "0015_indexes_of_batches")]

    operations = [
        BuildIndex(
            "promotertick",
            models.Index(
                fields=["revealed_at"],
                name="promoter_ticks_secrets",
                condition=~models.Q(secret=""),
            ),
        ),
    ]
