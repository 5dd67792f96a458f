"""Indexes of findings, by which repaired ones end; built while the portal goes on."""

from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("projections", "0002_stuck_streams_and_audit"),
    ]

    operations = [
        BuildIndex(
            model_name="drift",
            index=models.Index(
                condition=models.Q(("repaired", True)), fields=["found_at"], name="drifts_repaired"
            ),
        ),
        BuildIndex(
            model_name="drift",
            index=models.Index(
                condition=models.Q(("repaired", False)),
                fields=["stream_id"],
                name="drifts_unrepaired",
            ),
        ),
    ]
