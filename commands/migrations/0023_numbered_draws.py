"""How many draws an auction had, and of a deleted bid, when that was; of bids deleted before nobody needs it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0022_checkpoints"),
    ]

    operations = [
        migrations.AddField(
            model_name="auction", name="draws", field=models.IntegerField(db_default=0)
        ),
        migrations.AddField(
            model_name="auction", name="last_tick", field=models.IntegerField(db_default=0)
        ),
        migrations.AddField(
            model_name="bid", name="deleted_version", field=models.IntegerField(null=True)
        ),
    ]
