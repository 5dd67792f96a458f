"""Aliases of bidders in masked auctions; where there are any, a bid's bidder is no user."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0032_needs_of_auctions"),
    ]

    operations = [
        migrations.AddField("auction", "aliases", models.IntegerField(db_default=0)),
        migrations.AddField("bid", "number", models.IntegerField(null=True)),
        migrations.AlterField(
            "bid",
            "bidder",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="Alias",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("auction_id", models.UUIDField()),
                ("number", models.IntegerField()),
                ("user_id", models.UUIDField(null=True)),
            ],
            options={
                "verbose_name_plural": "aliases",
                "db_table": "aliases",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("auction_id", "number"), name="aliases_numbered"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("user_id__isnull", False)),
                        fields=("user_id", "auction_id"),
                        name="aliases_of_user",
                    ),
                ],
            },
        ),
    ]
