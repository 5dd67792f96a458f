"""Whether an auction's reserve is met; none of before has one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0030_secret_keys"),
    ]

    operations = [
        migrations.AddField("auction", "reserve_met", models.BooleanField(db_default=False)),
    ]
