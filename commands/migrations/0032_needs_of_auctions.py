"""What a release must know to decide an auction, beside its rules; nothing that those of before would not know."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0031_reserves"),
    ]

    operations = [
        migrations.AddField("auction", "needs", ArrayField(models.TextField(), null=True)),
    ]
