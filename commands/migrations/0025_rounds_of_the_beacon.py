"""The beacon's round that a tick is drawn by; ticks committed to before go on without one."""

from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0024_bids_deleted_since"),
    ]

    operations = [
        migrations.AddField("promotertick", "beacon", models.TextField(null=True)),
        migrations.AddField("promotertick", "round", models.BigIntegerField(null=True)),
        migrations.AddField(
            "promotertick", "public_at", models.DateTimeField("round public", null=True)
        ),
        migrations.AddField("promotertick", "value", models.TextField(null=True)),
        migrations.AddIndex(
            "promotertick",
            models.Index(
                Coalesce("public_at", "made_at"),
                name="promoter_ticks_cutoffs",
                condition=~models.Q(made_at=None),
            ),
        ),
    ]
