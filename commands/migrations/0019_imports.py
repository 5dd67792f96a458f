"""How far the import has come that a portal's record began with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("commands", "0018_jobs_of_a_request")]

    operations = [
        migrations.AddField(
            "promotertick", "given_up_at", models.DateTimeField(null=True, verbose_name="given up")
        ),
        migrations.CreateModel(
            name="Import",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("lines", models.BigIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                ("began_at", models.DateTimeField(verbose_name="began")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
            ],
            options={"db_table": "imports"},
        ),
        migrations.AddConstraint(
            model_name="import",
            constraint=models.CheckConstraint(condition=models.Q(id=1), name="imports_only_one"),
        ),
    ]
