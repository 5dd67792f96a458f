"""Finding all who watch an auction."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0012_notices_without_amount")]

    operations = [
        migrations.AddIndex(
            "watch", models.Index(fields=["auction_id", "user_id"], name="watches_of_auction")
        ),
    ]
