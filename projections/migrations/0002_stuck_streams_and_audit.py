from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditProgress",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("after_stream", models.UUIDField(null=True)),
                ("completed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "audit_progress",
            },
        ),
        migrations.CreateModel(
            name="Drift",
            fields=[
                ("stream_id", models.UUIDField(primary_key=True, serialize=False)),
                ("stream_kind", models.CharField(max_length=10)),
                ("what", models.TextField()),
                ("repaired", models.BooleanField()),
                ("found_at", models.DateTimeField()),
            ],
            options={
                "db_table": "drifts",
            },
        ),
        migrations.CreateModel(
            name="StuckStream",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reader", models.CharField(max_length=20)),
                ("stream_id", models.UUIDField()),
                ("stream_kind", models.CharField(max_length=10)),
                ("version", models.IntegerField()),
                ("error", models.TextField()),
                ("attempts", models.IntegerField()),
                ("since", models.DateTimeField()),
                ("retry_after", models.DateTimeField()),
            ],
            options={
                "db_table": "stuck_streams",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("reader", "stream_id"), name="stuck_streams_unique"
                    )
                ],
            },
        ),
    ]
