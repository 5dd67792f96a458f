"""Two indexes of deletions that wait were the same."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    # Indexes are removed concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("commands", "0014_waiting_draws"),
    ]

    operations = [
        RemoveIndexConcurrently(
            model_name="job",
            name="jobs_waiting_deletions",
        ),
    ]
