"""Since when an auction is paused, and its pauses before; there were none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0033_masked_auctions"),
    ]

    operations = [
        migrations.AddField("auction", "paused_at", models.DateTimeField(null=True)),
        migrations.AddField("auction", "pauses", models.JSONField(null=True)),
    ]
