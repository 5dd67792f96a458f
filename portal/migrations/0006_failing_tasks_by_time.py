"""An index by which failures end of tasks that are not run any more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0005_pruning_schedule"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="failingtask",
            index=models.Index(fields=["last_failed_at"], name="failing_tasks_by_time"),
        ),
    ]
