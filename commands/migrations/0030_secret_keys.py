"""Keys that values in events are sealed with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0029_auctions_closed_early"),
    ]

    operations = [
        migrations.CreateModel(
            "SecretKey",
            [
                ("owner_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("key", models.BinaryField(max_length=32)),
            ],
            options={"db_table": "secret_keys"},
        ),
    ]
