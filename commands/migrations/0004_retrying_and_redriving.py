from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("commands", "0003_fair_draws"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="attempts",
            field=models.SmallIntegerField(db_default=0),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "FAILED")), fields=["settled_at"], name="jobs_failed"
            ),
        ),
    ]
