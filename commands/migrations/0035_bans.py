"""Bans of users from bidding."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0034_pauses"),
    ]

    operations = [
        migrations.CreateModel(
            "Ban",
            [
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("auction_id", models.UUIDField(null=True)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                ("reason", models.TextField()),
                ("banned_by", models.UUIDField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "bans"},
        ),
        migrations.AddIndex(
            "Ban", models.Index(fields=["user_id", "since", "id"], name="bans_of_user")
        ),
        migrations.AddField("User", "banned_until", models.DateTimeField(null=True)),
    ]
