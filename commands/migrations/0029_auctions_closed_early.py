"""Whether the house closed an auction early; none was before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0028_cancelled_auctions"),
    ]

    operations = [
        migrations.AddField("auction", "closed_early", models.BooleanField(db_default=False)),
    ]
