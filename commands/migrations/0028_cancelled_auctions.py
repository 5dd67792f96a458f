"""Why an auction was cancelled; none was before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0027_rules_of_auctions"),
    ]

    operations = [
        migrations.AddField("auction", "cancelled_because", models.TextField(null=True)),
    ]
