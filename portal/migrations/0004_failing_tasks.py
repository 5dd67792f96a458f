"""Which tasks keep failing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("portal", "0003_audit_schedule"),
    ]

    operations = [
        migrations.CreateModel(
            name="FailingTask",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("task", models.CharField(max_length=80)),
                ("arguments", models.CharField(max_length=200)),
                ("failures", models.IntegerField()),
                ("since", models.DateTimeField()),
                ("last_failed_at", models.DateTimeField()),
                ("error", models.CharField(max_length=200)),
            ],
            options={
                "db_table": "failing_tasks",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("task", "arguments"), name="failing_tasks_unique"
                    )
                ],
            },
        ),
    ]
