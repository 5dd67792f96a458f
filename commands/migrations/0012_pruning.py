"""Indexes by which settled jobs and failed sign-ups end; built while the portal goes on."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("commands", "0011_leftovers"),
    ]

    operations = [
        RemoveIndexConcurrently(
            model_name="job",
            name="jobs_with_key",
        ),
        BuildIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status__in", ("SUCCEEDED", "REJECTED"))),
                fields=["settled_at"],
                name="jobs_settled",
            ),
        ),
        BuildIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(
                    ("command", "CreateUser"),
                    ("payload__has_key", "password_hash"),
                    ("status", "FAILED"),
                ),
                fields=["expires_at"],
                name="jobs_failed_sign_ups",
            ),
        ),
        BuildIndex(
            model_name="user",
            index=models.Index(
                condition=models.Q(("leftovers_due_at__isnull", False)),
                fields=["leftovers_due_at"],
                name="users_leftovers_due",
            ),
        ),
    ]
