"""Notifications that are about no amount."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0011_watches")]

    operations = [
        migrations.AlterField(
            "notification",
            "amount",
            models.DecimalField(decimal_places=2, max_digits=13, null=True),
        ),
    ]
