"""What a release did not know that could not go on with a stream."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projections", "0004_lag_of_several_readers")]

    operations = [
        migrations.AddField("stuckstream", "unknown", models.TextField(null=True)),
    ]
