"""Being outbid is told as such, into the one unread notification of how an auction stands."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0004_money"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="notification",
            name="notifications_one_per_cause",
        ),
        migrations.RemoveConstraint(
            model_name="notification",
            name="notifications_one_unread",
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind__in", ("MAX_BID_CHANGED", "OUTBID")), _negated=True),
                fields=("user_id", "auction_id", "kind", "version"),
                name="notifications_one_per_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind__in", ("MAX_BID_CHANGED", "OUTBID")), ("read_at", None)),
                fields=("user_id", "auction_id"),
                name="notifications_one_unread",
            ),
        ),
    ]
