"""What ticks, closings and deletions need to go on in batches, each in a transaction of its own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0012_pruning")]

    operations = [
        # Ticks that are made already have all their draws.
        migrations.AddField("promotertick", "policies", models.IntegerField(null=True)),
        migrations.AddField("promotertick", "accepted", models.IntegerField(db_default=0)),
        migrations.AddField("promotertick", "reached", models.UUIDField(null=True)),
        migrations.AddField("user", "withdrawing_at", models.DateTimeField(null=True)),
        migrations.AddField("user", "withdrawn_to", models.UUIDField(null=True)),
        migrations.AddIndex(
            "user",
            models.Index(
                fields=["withdrawing_at"],
                name="users_withdrawing",
                condition=models.Q(withdrawing_at__isnull=False),
            ),
        ),
    ]
