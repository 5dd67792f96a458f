"""An amount has as many digits as an effective one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0005_hashed_keys"),
    ]

    operations = [
        migrations.AlterField(
            model_name="bid",
            name="amount",
            field=models.DecimalField(decimal_places=2, max_digits=13),
        ),
    ]
