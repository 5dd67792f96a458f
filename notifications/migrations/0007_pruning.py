"""Indexes by which notifications end; built while the portal goes on."""

from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [
        ("notifications", "0006_contexts_of_settled_mails"),
    ]

    operations = [
        BuildIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read_at__isnull", False)),
                fields=["read_at"],
                name="notifications_read",
            ),
        ),
        BuildIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("read_at", None)),
                fields=["changed_at"],
                name="notifications_unread",
            ),
        ),
    ]
