"""The index by which admin finds the jobs of one request, built while the portal goes on."""

from django.db import migrations, models

from commands.postgres.indexes import BuildIndex


class Migration(migrations.Migration):
    # Indexes are built concurrently, which is not possible inside a transaction.
    atomic = False

    dependencies = [("commands", "0017_moment_of_acceptance")]

    operations = [
        migrations.AlterModelOptions("event", {"verbose_name_plural": "record"}),
        BuildIndex("job", models.Index(fields=["correlation_id", "id"], name="jobs_of_request")),
    ]
