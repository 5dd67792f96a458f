"""What is told of an amount has room for the largest one, doubled."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0003_mails"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="amount",
            field=models.DecimalField(decimal_places=2, max_digits=13),
        ),
        migrations.AlterField(
            model_name="progress",
            name="leading_amount",
            field=models.DecimalField(decimal_places=2, max_digits=13, null=True),
        ),
    ]
