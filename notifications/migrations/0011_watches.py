"""Auctions that users watch."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0010_notices_of_an_event"),
    ]

    operations = [
        migrations.CreateModel(
            name="Watch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("user_id", models.UUIDField()),
                ("auction_id", models.UUIDField()),
                ("watched_at", models.DateTimeField()),
                ("told_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "watches",
                "db_table": "watches",
                "indexes": [
                    models.Index(
                        condition=models.Q(("told_at", None)),
                        fields=["auction_id", "id"],
                        name="watches_to_tell",
                    ),
                    models.Index(fields=["watched_at"], name="watches_oldest_first"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("user_id", "auction_id"), name="watches_unique")
                ],
            },
        ),
    ]
