"""The index by which admin finds the notifications of one event; built while the portal goes on."""

from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [("notifications", "0009_telling")]

    operations = [
        BuildIndex(
            "notification",
            models.Index(fields=["auction_id", "version"], name="notifications_of_event"),
        ),
    ]
