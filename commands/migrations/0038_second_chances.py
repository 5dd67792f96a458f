"""To whom an auction's lot is offered, and until when, of those with a second chance; and their reserve, once revealed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0037_sealed_bids")]

    operations = [
        migrations.AddField(
            "auction", "reserve", models.DecimalField(decimal_places=2, max_digits=13, null=True)
        ),
        migrations.AddField("auction", "sale", models.JSONField(null=True)),
        migrations.AddField("auction", "sale_until", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "auction",
            models.Index(
                condition=models.Q(("sale_until__isnull", False)),
                fields=["sale_until", "id"],
                name="auctions_offered",
            ),
        ),
    ]
