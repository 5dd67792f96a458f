"""Private maxima by which auctions bid for their bidders; none was before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0039_exposure_limits")]

    operations = [migrations.AddField("auction", "maxima", models.JSONField(null=True))]
