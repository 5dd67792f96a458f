"""Limits on users' exposure."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0038_second_chances")]

    operations = [
        migrations.CreateModel(
            "ExposureLimit",
            [
                ("user_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("id", models.UUIDField()),
                ("amount", models.DecimalField(decimal_places=2, max_digits=13)),
                ("since", models.DateTimeField()),
                ("reason", models.TextField()),
                ("limited_by", models.UUIDField(null=True)),
            ],
            options={"db_table": "exposure_limits"},
        ),
        migrations.CreateModel(
            "Stake",
            [
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "user_id",
                        "auction_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user_id", models.UUIDField()),
                ("auction_id", models.UUIDField()),
                ("bidder_id", models.UUIDField()),
            ],
            options={"db_table": "stakes"},
        ),
        migrations.AddField("User", "limited", models.BooleanField(null=True)),
    ]
