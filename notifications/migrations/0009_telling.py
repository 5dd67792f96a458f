"""Notices for all bidders of an auction are written a page of bidders at a time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0008_behind_by_the_order_of_events"),
    ]

    operations = [
        migrations.AddField(
            model_name="progress",
            name="telling",
            field=models.JSONField(null=True),
        ),
    ]
