"""Bids whose amounts are hidden; none was before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0036_promoted_auctions"),
    ]

    operations = [
        migrations.AddField(
            "auction",
            "winning_price",
            models.DecimalField(decimal_places=2, max_digits=13, null=True),
        ),
        migrations.AddField("bid", "commitment", models.CharField(max_length=64, null=True)),
        migrations.AddField("bid", "hidden", models.BooleanField(db_default=False)),
        migrations.AddIndex(
            "bid",
            models.Index(
                fields=["auction", "placed_version"],
                name="bids_to_reveal",
                condition=models.Q(hidden=True, deleted=False),
            ),
        ),
        migrations.AddIndex(
            "bid",
            models.Index(
                fields=["bidder"],
                name="bids_hidden_of_bidder",
                condition=models.Q(hidden=True, deleted=False),
            ),
        ),
    ]
