"""An index of draws that wait, by their tick; built while the portal goes on."""

import django.db.models.fields.json
from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("commands", "0013_short_transactions"),
    ]

    operations = [
        BuildIndex(
            model_name="job",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("tick", "payload"),
                condition=models.Q(("command", "DoubleBid"), ("status", "QUEUED")),
                name="jobs_waiting_draws",
            ),
        ),
    ]
