"""When the command that caused an event was accepted; none is known of older events."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0016_secrets_that_end")]

    operations = [
        migrations.AddField(
            "event", "accepted_at", models.DateTimeField(null=True, verbose_name="accepted")
        ),
    ]
